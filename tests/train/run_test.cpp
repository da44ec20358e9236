#include "res2clip/train/run.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "support/run_training.hpp"
#include "support/temporary_folder.hpp"
#include "train/synthetic_data.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;
using testing::run_training;
using testing::SyntheticData;
using testing::TemporaryFolder;

const char* const kFiles[] = {"checkpoint.pth", "pairs.jsonl", "log.jsonl", "curves.html"};

TrainingOutcome train(const SyntheticData& data, const TrainingRun& run) {
  at::set_num_threads(1);  // tensors as small as these only wait for other threads
  const auto processes = single_process();
  return run_training(data.data(), data.setup(), run, *processes);
}

TrainingRun run_in(const Path& folder) {
  TrainingRun run;
  run.output = folder;
  return run;
}

/// The largest value of a loss in an epoch: steps differ in which images they hold.
double largest_loss(const Path& log, std::int64_t epoch, const std::string& name) {
  std::istringstream lines(read_file(log));
  double largest = 0;
  for (std::string line; std::getline(lines, line);)
    if (const auto step = nlohmann::json::parse(line); step["epoch"] == epoch)
      largest = std::max(largest, step["loss"][name].get<double>());
  return largest;
}

std::string failure(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// On each kind of device there may be.
class TrainingRunOn : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      device_ = resolve_device(GetParam());
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  c10::Device device_ = c10::kCPU;
};
INSTANTIATE_TEST_SUITE_P(Devices, TrainingRunOn, ::testing::Values("cpu", "cuda"),
                         [](const auto& device) { return std::string(device.param); });

TEST_P(TrainingRunOn, WritesItsFilesAndItsLossesFall) {
  const TemporaryFolder folder;
  const SyntheticData data(11, device_);
  const TrainingOutcome outcome = train(data, run_in(folder.path()));
  EXPECT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.total_steps, 12);  // 4 epochs of 11 images in steps of 4
  for (const char* file : kFiles) EXPECT_TRUE(std::filesystem::exists(folder / file)) << file;
  for (const char* loss : {"vis", "text"})
    EXPECT_LT(largest_loss(folder / "log.jsonl", 3, loss), 0.97 * largest_loss(folder / "log.jsonl", 0, loss))
        << loss;
}

TEST(TrainingRun, ItsPairsReplayToTheSameBytes) {
  const TemporaryFolder first, second;
  const SyntheticData data;
  train(data, run_in(first.path()));
  TrainingRun again = run_in(second.path());
  again.replay = read_pairs(first / "pairs.jsonl", data.data().samples);
  train(data, again);
  for (const char* file : kFiles) EXPECT_EQ(read_file(first / file), read_file(second / file)) << file;
}

TEST(TrainingRun, StoppedAfterAnyStepAndResumedGivesTheSameBytes) {
  const TemporaryFolder whole;
  const SyntheticData data;
  train(data, run_in(whole.path()));
  for (const std::int64_t stop : {1, 2, 3, 5, 7, 11}) {
    SCOPED_TRACE(stop);
    const TemporaryFolder parts;
    TrainingRun run = run_in(parts.path());
    std::int64_t steps = 0;
    run.stop_requested = [&] { return ++steps == stop; };
    const TrainingOutcome stopped = train(data, run);
    EXPECT_FALSE(stopped.finished);
    EXPECT_EQ(stopped.next_step, stop);
    run.stop_requested = [] { return false; };
    run.resume = true;
    EXPECT_TRUE(train(data, run).finished);
    for (const char* file : kFiles) EXPECT_EQ(read_file(whole / file), read_file(parts / file)) << file;
  }
}

TEST(TrainingRun, ResumesNothingThatIsAnotherTraining) {
  const TemporaryFolder folder;
  const SyntheticData data;
  TrainingRun run = run_in(folder.path());
  run.identity["backbone"] = std::string(64, 'a');
  train(data, run);
  run.resume = true;
  run.identity["backbone"] = std::string(64, 'b');
  EXPECT_THAT(failure([&] { train(data, run); }),
              HasSubstr("another training: backbone was aaaaaaaaaaaa..., is bbbbbbbbbbbb.... Use"));
  const SyntheticData other(12);
  EXPECT_THAT(failure([&] { train(other, run); }), HasSubstr("labels was 11 ("));
  EXPECT_THAT(failure([&] { train(other, run_in(folder.path())); }), ::testing::StrEq("no error"));
}

TEST(TrainingRun, ATruncatedStateIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  const SyntheticData data;
  train(data, run_in(folder.path()));
  write_file(folder / "state.pt", read_file(folder / "state.pt").substr(0, 1000));
  TrainingRun run = run_in(folder.path());
  run.resume = true;
  EXPECT_THAT(failure([&] { train(data, run); }), HasSubstr("state.pt"));
}

TEST(TrainingRun, WithoutImagesIsAnError) {
  const TemporaryFolder folder;
  const SyntheticData data(0);
  EXPECT_THAT(failure([&] { train(data, run_in(folder.path())); }), HasSubstr("no images"));
}

}  // namespace
}  // namespace res2clip
