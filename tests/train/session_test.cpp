// What a training refuses, before it has looked at a single image, and what it finds again.
#include <unistd.h>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/train/run.hpp"

#include "support/run_training.hpp"
#include "support/temporary_folder.hpp"
#include "train/synthetic_data.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;
using testing::run_training;
using testing::SyntheticData;
using testing::TemporaryFolder;

class Sessions : public ::testing::Test {
 protected:
  Sessions() {
    at::set_num_threads(1);
    blind_ = data_.data();
    blind_.features = [](std::span<const std::int64_t>) -> Features {
      throw std::logic_error("an image was looked at");
    };
    blind_.masks = [](std::span<const std::int64_t>) -> at::Tensor {
      throw std::logic_error("a mask was looked at");
    };
    run_.output = folder_ / "out";
    run_.remark = [this](const std::string& text) { remark_ = text; };
  }

  TrainingOutcome train(std::int64_t stop_after = -1) {
    std::int64_t steps = 0;
    TrainingRun run = run_;
    run.stop_requested = [&] { return ++steps == stop_after; };
    return run_training(data_.data(), setup_, run, *processes_);
  }

  /// The message with which a session on images that may not be looked at is refused.
  std::string refusal() {
    try {
      const TrainingSession session(blind_, setup_, run_, *processes_);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
  SyntheticData data_;
  TrainingData blind_;
  TrainingSetup setup_ = data_.setup();
  TrainingRun run_;
  std::string remark_;
  std::unique_ptr<Communicator> processes_ = single_process();
};

TEST_F(Sessions, AreAcceptedWithoutLookingAtAnImage) {
  EXPECT_EQ(refusal(), "no error");
}

TEST_F(Sessions, NameEverySettingThatDiffersWithBothValues) {
  train(5);
  run_.resume = true;
  setup_.options.epochs = 5;
  setup_.retrieval.gamma = 0.5;
  setup_.layers.text = {1};
  EXPECT_THAT(refusal(), HasSubstr("layers.text was [2], is [1]; retrieval.gamma was 0.01, is 0.5; "
                                   "train.epochs was 4, is 5. Use the same again"));
}

TEST_F(Sessions, ThatAreRefusedLeaveTheFolderAsItWas) {
  train(5);
  std::map<std::string, std::string> before;
  for (const auto& entry : std::filesystem::directory_iterator(run_.output))
    before[entry.path().filename()] = read_file(entry.path());
  run_.resume = true;
  setup_.options.seed = 7;
  EXPECT_THAT(refusal(), HasSubstr("train.seed was 111, is 7"));
  for (const auto& [name, bytes] : before) EXPECT_TRUE(read_file(run_.output / name) == bytes) << name;
}

TEST_F(Sessions, RefusePairsOfAnotherNumberOfEpochs) {
  run_.replay = draw_pairs(blind_.samples, 4, 111, 0);
  EXPECT_THAT(refusal(), HasSubstr("--epochs 1"));
}

TEST_F(Sessions, RefuseAClassWithoutANormalImage) {
  blind_.samples.push_back({"lone/0.png", "lone", true});
  EXPECT_THAT(refusal(), HasSubstr("class 'lone' has no normal image"));
}

TEST_F(Sessions, RefuseInitialWeightsThatLackALayer) {
  setup_.initial.vis_adapters.erase(2);
  EXPECT_THAT(refusal(), HasSubstr("initial weights"));
}

TEST_F(Sessions, RefuseAFolderThatCannotBeMade) {
  run_.output = "/proc/out";
  EXPECT_THAT(refusal(), HasSubstr("/proc/out: the folder cannot be made"));
}

TEST_F(Sessions, RefuseAFolderThatAnotherTrainingHolds) {
  {
    const TrainingSession holder(blind_, setup_, run_, *processes_);
    EXPECT_THAT(refusal(), HasSubstr("another training is writing there"));
  }
  EXPECT_EQ(refusal(), "no error");
}

TEST_F(Sessions, RefuseToGoOnFromLogsThatLackAStep) {
  train(5);
  run_.resume = true;
  EXPECT_EQ(refusal(), "no error");
  for (const char* name : {"log.jsonl", "pairs.jsonl"}) {
    const std::string whole = read_file(run_.output / name);
    write_file(run_.output / name, whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1));
    EXPECT_THAT(refusal(), HasSubstr(std::string(name) + ": lacks step 4"));
    std::filesystem::remove(run_.output / name);
    EXPECT_THAT(refusal(), HasSubstr(std::string(name) + ": lacks step 0"));
    write_file(run_.output / name, whole);
  }
}

TEST_F(Sessions, RemoveWhatKilledRunsLeftBehind) {
  const std::string own = "state.pt." + std::to_string(::getpid()) + "-0.part";
  std::filesystem::create_directories(run_.output);
  for (const std::string& name : {std::string("state.pt.999999999-0.part"), own, std::string("notes.part")})
    write_file(run_.output / name, "");
  EXPECT_EQ(refusal(), "no error");
  EXPECT_FALSE(std::filesystem::exists(run_.output / "state.pt.999999999-0.part"));
  EXPECT_TRUE(std::filesystem::exists(run_.output / own)) << "its process is alive";
  EXPECT_TRUE(std::filesystem::exists(run_.output / "notes.part")) << "no temporary name of ours";
}

TEST_F(Sessions, GoOnWithTheTextResidualTheyBeganWith) {
  train();
  const std::string whole = read_file(run_.output / "checkpoint.pth");
  run_.output = folder_ / "parts";
  train(5);
  run_.resume = true;
  setup_.text_residual = setup_.text_residual * (1 + 1e-6);  // as encoded on another processor
  train();
  EXPECT_TRUE(read_file(run_.output / "checkpoint.pth") == whole);
  EXPECT_EQ(remark_, "");
}

TEST_F(Sessions, GoOnWithAnotherNumberOfThreadsAndSayWhatThatMeans) {
  train(5);
  run_.resume = true;
  at::set_num_threads(2);
  EXPECT_TRUE(train().finished);
  EXPECT_THAT(remark_, HasSubstr("last bits will differ"));
  EXPECT_THAT(remark_, HasSubstr("threads was 1, is 2"));
}

}  // namespace
}  // namespace res2clip
