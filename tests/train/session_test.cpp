// What a training refuses, before it has looked at a single image, and what it finds again.
#include <unistd.h>

#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "support/fails.hpp"
#include "train/training.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

class Sessions : public testing::TrainingTest {
 protected:
  Sessions() {
    blind_.samples = data_.data().samples;
    blind_.masks = [](std::span<const std::int64_t>) -> at::Tensor {
      throw std::logic_error("a mask was looked at");
    };
  }

  /// Opens a session on images that may not be looked at.
  void open() const { const TrainingSession session(blind_, setup_, run_, *processes_); }

  struct Unseen final : FeatureSource {
    Features of(std::span<const Path>) override { throw std::logic_error("an image was looked at"); }
  } unseen_;
  TrainingData blind_{{}, unseen_, {}};
  std::unique_ptr<Communicator> processes_ = single_process();
};

TEST_F(Sessions, AreAcceptedWithoutLookingAtAnImage) {
  EXPECT_NO_THROW(open());
}

TEST_F(Sessions, NameEverySettingThatDiffersWithBothValues) {
  train(5);
  run_.resume = true;
  setup_.options.epochs = 5;
  setup_.retrieval.gamma = 0.5;
  setup_.layers.text = {1};
  EXPECT_THAT(
      [this] { open(); },
      Fails(ErrorKind::settings, HasSubstr("layers.text was [2], is [1]; retrieval.gamma was 0.01, is 0.5; "
                                           "train.epochs was 4, is 5. Use the same again")));
}

TEST_F(Sessions, ThatAreRefusedLeaveTheFolderAsItWas) {
  train(5);
  std::map<std::string, std::string> before;
  for (const auto& entry : std::filesystem::directory_iterator(run_.output))
    before[entry.path().filename()] = read_file(entry.path());
  run_.resume = true;
  setup_.options.seed = 7;
  EXPECT_THAT([this] { open(); }, Fails(ErrorKind::settings, HasSubstr("train.seed was 111, is 7")));
  for (const auto& [name, bytes] : before) EXPECT_TRUE(read_file(run_.output / name) == bytes) << name;
}

TEST_F(Sessions, RefusePairsOfAnotherNumberOfEpochs) {
  run_.replay = draw_pairs(blind_.samples, 4, 111, 0);
  EXPECT_THAT([this] { open(); }, Fails(ErrorKind::settings, HasSubstr("--epochs 1")));
}

TEST_F(Sessions, RefuseAClassWithoutANormalImage) {
  blind_.samples.push_back({"lone/0.png", "lone", true, "lone/0.png"});
  EXPECT_THAT([this] { open(); }, Fails(ErrorKind::data, HasSubstr("class 'lone' has no normal image")));
}

TEST_F(Sessions, RefuseInitialWeightsThatLackALayer) {
  setup_.initial.vis_adapters.erase(2);
  EXPECT_THAT([this] { open(); }, Fails(ErrorKind::data, HasSubstr("initial weights")));
}

TEST_F(Sessions, RefuseAFolderThatCannotBeMade) {
  run_.output = "/proc/out";
  EXPECT_THAT([this] { open(); },
              Fails(ErrorKind::runtime, HasSubstr("/proc/out: the folder cannot be made")));
}

TEST_F(Sessions, RefuseAFolderThatAnotherTrainingHolds) {
  {
    const TrainingSession holder(blind_, setup_, run_, *processes_);
    EXPECT_THAT([this] { open(); },
                Fails(ErrorKind::settings, HasSubstr("another training is writing there")));
  }
  EXPECT_NO_THROW(open());
}

TEST_F(Sessions, RefuseToGoOnFromLogsThatLackAStep) {
  train(5);
  run_.resume = true;
  EXPECT_NO_THROW(open());
  for (const char* name : {"log.jsonl", "pairs.jsonl"}) {
    const std::string whole = read_file(run_.output / name);
    write_file(run_.output / name, whole.substr(0, whole.rfind('\n', whole.size() - 2) + 1));
    EXPECT_THAT([this] { open(); }, Fails(ErrorKind::data, HasSubstr(std::string(name) + ": lacks step 4")));
    std::filesystem::remove(run_.output / name);
    EXPECT_THAT([this] { open(); }, Fails(ErrorKind::data, HasSubstr(std::string(name) + ": lacks step 0")));
    write_file(run_.output / name, whole);
  }
}

TEST_F(Sessions, RefuseToGoOnFromAStateThatWasChanged) {
  train(5);
  run_.resume = true;
  EXPECT_NO_THROW(open());
  std::string bytes = read_file(run_.output / "state.pt");
  const auto place = bytes.find("next_step");  // in its pickle, not in the filling between members
  ASSERT_NE(place, std::string::npos);
  bytes[place] = 'N';
  write_file(run_.output / "state.pt", bytes);
  EXPECT_THAT([this] { open(); },
              Fails(ErrorKind::data, HasSubstr("state.pt: is damaged: the SHA-256 over its members")));
}

TEST_F(Sessions, RemoveWhatKilledRunsLeftBehind) {
  const std::string own = "state.pt." + std::to_string(::getpid()) + "-0.part";
  std::filesystem::create_directories(run_.output);
  for (const std::string& name : {std::string("state.pt.999999999-0.part"), own, std::string("notes.part")})
    write_file(run_.output / name, "");
  EXPECT_NO_THROW(open());
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
