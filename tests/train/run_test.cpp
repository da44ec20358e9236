#include "res2clip/train/run.hpp"

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "support/devices.hpp"
#include "support/fails.hpp"
#include "train/training.hpp"

namespace res2clip {
namespace {

using testing::expect_same_training;
using testing::Fails;
using ::testing::HasSubstr;
using testing::run_in;
using testing::SyntheticData;
using testing::TemporaryFolder;

class TrainingRuns : public testing::TrainingTest {};

/// The largest value of a loss in an epoch: steps differ in which images they hold.
double largest_loss(const Path& log, std::int64_t epoch, const std::string& name) {
  std::istringstream lines(read_file(log));
  double largest = 0;
  for (std::string line; std::getline(lines, line);)
    if (const auto step = nlohmann::json::parse(line); step["epoch"] == epoch)
      largest = std::max(largest, step["loss"][name].get<double>());
  return largest;
}

class TrainingRunOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, TrainingRunOn, testing::kDevices, testing::device_name);

TEST_P(TrainingRunOn, WritesItsFilesAndItsLossesFall) {
  at::set_num_threads(1);
  const TemporaryFolder folder;
  const SyntheticData data(11, device());
  const TrainingOutcome outcome = testing::train(data, data.setup(), run_in(folder.path()));
  EXPECT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.total_steps, 12);  // 4 epochs of 11 images in steps of 4
  for (const char* file : testing::kTrainingFiles)
    EXPECT_TRUE(std::filesystem::exists(folder / file)) << file;
  for (const char* loss : {"vis", "text"})
    EXPECT_LT(largest_loss(folder / "log.jsonl", 3, loss), 0.97 * largest_loss(folder / "log.jsonl", 0, loss))
        << loss;
}

TEST_F(TrainingRuns, ReplayTheirPairsToTheSameBytes) {
  train();
  TrainingRun again = run_in(folder_ / "again");
  again.replay = read_pairs(run_.output / "pairs.jsonl", data_.data().samples);
  testing::train(data_, setup_, again);
  expect_same_training(run_.output, again.output);
}

TEST_F(TrainingRuns, StoppedAfterAnyStepAndResumedGiveTheSameBytes) {
  const Path whole = run_.output;
  train();
  for (const std::int64_t stop : {1, 2, 3, 5, 7, 11}) {
    SCOPED_TRACE(stop);
    run_ = run_in(folder_ / ("stopped" + std::to_string(stop)));
    const TrainingOutcome stopped = train(stop);
    EXPECT_FALSE(stopped.finished);
    EXPECT_EQ(stopped.next_step, stop);
    run_.resume = true;
    EXPECT_TRUE(train().finished);
    expect_same_training(whole, run_.output);
  }
}

TEST_F(TrainingRuns, ResumeNothingThatIsAnotherTraining) {
  run_.identity["backbone"] = std::string(64, 'a');
  train();
  run_.resume = true;
  run_.identity["backbone"] = std::string(64, 'b');
  EXPECT_THAT([&] { train(); },
              Fails(ErrorKind::settings,
                    HasSubstr("another training: backbone was aaaaaaaaaaaa..., is bbbbbbbbbbbb.... Use")));
  run_.identity = {{"backbone", std::string(64, 'a')}, {"image.wide", "high_byte"}};
  EXPECT_THAT([&] { train(); },
              Fails(ErrorKind::settings, HasSubstr("image.wide was not known, is high_byte")));
  run_.identity = {};
  EXPECT_THAT([&] { train(); },
              Fails(ErrorKind::settings, HasSubstr("backbone was aaaaaaaaaaaa..., is not set")));
  const SyntheticData other(12);
  EXPECT_THAT([&] { testing::train(other, other.setup(), run_); },
              Fails(ErrorKind::settings, HasSubstr("labels was 11 (")));
  EXPECT_NO_THROW(testing::train(other, other.setup(), run_in(run_.output)));
}

TEST_F(TrainingRuns, NameAStateThatIsCutOff) {
  train();
  write_file(run_.output / "state.pt", read_file(run_.output / "state.pt").substr(0, 1000));
  run_.resume = true;
  EXPECT_THAT([&] { train(); }, Fails(ErrorKind::data, HasSubstr("state.pt")));
}

TEST_F(TrainingRuns, NeedImages) {
  const SyntheticData none(0);
  EXPECT_THAT([&] { testing::train(none, none.setup(), run_); },
              Fails(ErrorKind::data, HasSubstr("no images")));
}

}  // namespace
}  // namespace res2clip
