#include "res2clip/train/run.hpp"

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "support/devices.hpp"
#include "support/fails.hpp"
#include "support/run_training.hpp"
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

/// Training data that something is wrong with.
class BrokenData final : public FeatureSource {
 public:
  using Change = std::function<void(Features&)>;
  explicit BrokenData(Change features, std::function<at::Tensor(at::Tensor)> masks = {})
      : change_(std::move(features)), data_{whole_.data().samples, *this, {}} {
    data_.masks = [this, masks](std::span<const std::int64_t> indices) {
      const at::Tensor right = whole_.data().masks(indices);
      return masks ? masks(right) : right;
    };
  }
  Features of(std::span<const Path> images) override {
    Features features = whole_.of(images);
    if (change_) change_(features);
    return features;
  }
  TrainingData& data() { return data_; }

 private:
  SyntheticData whole_;
  Change change_;
  TrainingData data_;
};

auto training_of(BrokenData& broken, const TrainingSetup& setup = SyntheticData().setup()) {
  return [&broken, setup] {
    const TemporaryFolder folder;
    const auto one = single_process();
    testing::run_training(broken.data(), setup, run_in(folder.path()), *one);
  };
}

TEST(TrainingData, IsRefusedIfFeaturesAreNotThoseOfTheImagesAskedFor) {
  const auto refused = [](const BrokenData::Change& change, const char* why) {
    BrokenData broken(change);
    EXPECT_THAT(training_of(broken), Fails(ErrorKind::data, HasSubstr(why)));
  };
  refused(
      [](Features& f) {
        f.global = f.global.narrow(0, 0, 1);
        for (auto& [layer, patches] : f.patches) patches = patches.narrow(0, 0, 1);
      },
      "gave those of 1 images for");
  refused([](Features& f) { f.patches.erase(2); }, "lack layer 2");
  refused([](Features& f) { f.patches[1] = f.patches[1].narrow(0, 0, 1); }, "of layer 1 are");
  refused([](Features& f) { f.global = f.global * std::nan(""); }, "not finite");
}

TEST(TrainingData, IsRefusedIfMasksAreNotThoseOfTheImagesAskedFor) {
  const auto refused = [](const std::function<at::Tensor(at::Tensor)>& change, const char* why) {
    BrokenData broken({}, change);
    EXPECT_THAT(training_of(broken), Fails(ErrorKind::data, HasSubstr(why)));
  };
  refused([](at::Tensor masks) { return masks.mul(255); }, "hold values up to 255");
  refused([](at::Tensor masks) { return masks.narrow(0, 0, 1); }, "they must be uint8 [4, H, W]");
  refused([](at::Tensor masks) { return masks.to(at::kFloat); }, "they must be uint8");
  refused([](at::Tensor masks) { return masks.slice(1, 0, 7).slice(2, 0, 7); }, "have 7 x 7 pixels");
  refused([](at::Tensor) { return at::Tensor(); }, "an undefined tensor");
  BrokenData none({});
  none.data().masks = nullptr;
  EXPECT_THAT(training_of(none), Fails(ErrorKind::data, HasSubstr("no source of masks")));
}

TEST(TrainingData, IsNotLookedAtWithOptionsOutOfTheirRange) {
  BrokenData whole({});
  TrainingSetup setup = SyntheticData().setup();
  setup.options.batch_size = 0;
  EXPECT_THAT(training_of(whole, setup), Fails(ErrorKind::settings, HasSubstr("train.batch_size is 0")));
  EXPECT_THAT([] { draw_pairs(SyntheticData().data().samples, 0, 1, 0); },
              Fails(ErrorKind::settings, HasSubstr("batch_size is 0")));
  setup = SyntheticData().setup();
  setup.options.beta1 = std::nan("");
  EXPECT_THAT(training_of(whole, setup), Fails(ErrorKind::settings, HasSubstr("train.beta1 is nan")));
}

TEST(TrainingRun, NeedsNoListeners) {
  const TemporaryFolder folder;
  const SyntheticData data;
  TrainingRun run = run_in(folder.path());
  run.on_step = nullptr;
  run.stop_requested = nullptr;
  run.remark = nullptr;
  EXPECT_TRUE(testing::train(data, data.setup(), run).finished);
}

}  // namespace
}  // namespace res2clip
