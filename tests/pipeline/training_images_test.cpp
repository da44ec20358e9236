// A training's images: what is kept, and what is encoded again.
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/pipeline/pipeline.hpp"
#include "res2clip/pipeline/training.hpp"
#include "res2clip/train/run.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/run_training.hpp"

namespace res2clip {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class TrainingImagesTest : public ::testing::Test {
 protected:
  TrainingImagesTest() : backbone(tiny_backbone()) {
    std::filesystem::copy(test_data("generated/images"), folder / "data",
                          std::filesystem::copy_options::recursive);
    settings.compute.device = "cpu";
    settings.compute.batch_size = 4;
    settings.image.size = 70;
    DatasetOptions options;
    options.layout = Layout::folder;
    options.root = folder / "data";
    dataset = load_dataset(options);
  }

  FeatureStore store() const {
    return {folder / "store", describe_training_store(backbone, settings, "images")};
  }

  std::vector<std::int64_t> all_of(const TrainingData& data) const {
    std::vector<std::int64_t> indices(data.samples.size());
    std::iota(indices.begin(), indices.end(), 0);
    return indices;
  }

  void remove_masks() const {
    for (const auto& [category, samples] : dataset.test)
      for (const Sample& sample : samples)
        if (!sample.mask.empty()) std::filesystem::remove(sample.mask);
  }

  TemporaryFolder folder;
  Backbone backbone;
  Settings settings;
  Dataset dataset;
  std::unique_ptr<Communicator> alone = single_process();
};

TEST_F(TrainingImagesTest, ReadEachMaskOnce) {
  TrainingImages images(backbone, dataset, settings);
  const TrainingData data = images.data();
  const at::Tensor first = data.masks(all_of(data));
  EXPECT_GT(first.sum().item<std::int64_t>(), 0);
  remove_masks();
  EXPECT_TRUE(data.masks(all_of(data)).equal(first));
}

TEST_F(TrainingImagesTest, KeepNoMoreMasksThanTheyMay) {
  TrainingImages kept(backbone, dataset, settings), not_kept(backbone, dataset, settings, 70 * 70 - 1);
  const TrainingData data = not_kept.data();
  const at::Tensor first = data.masks(all_of(data));
  EXPECT_TRUE(data.masks(all_of(data)).equal(first));
  EXPECT_TRUE(kept.data().masks(all_of(data)).equal(first));
  remove_masks();
  EXPECT_THAT([&] { data.masks(all_of(data)); }, Fails(ErrorKind::data, HasSubstr("cannot be opened")));
}

TEST_F(TrainingImagesTest, EncodeADamagedRecordAgain) {
  TrainingImages(backbone, dataset, settings).fill_store(store(), *alone);
  std::string records = read_file(folder / "store/features.bin");
  records[100] = static_cast<char>(records[100] ^ 1);
  write_file(folder / "store/features.bin", records);
  TrainingImages plain(backbone, dataset, settings), stored(backbone, dataset, settings);
  EXPECT_EQ(stored.fill_store(store(), *alone), 0) << "nothing looks damaged yet";
  const TrainingData data = stored.data();
  const std::vector<Path> all = data.images_of(all_of(data));
  EXPECT_TENSORS_NEAR(stored.of(all).global, plain.of(all).global, 0.0);
}

TEST_F(TrainingImagesTest, KeepWhatWasEncodedBeforeAnInterruption) {
  TrainingImages images(backbone, dataset, settings);
  int asked = 0;
  EXPECT_THAT([&] { images.fill_store(store(), *alone, {}, [&] { return ++asked == 2; }); },
              Fails(ErrorKind::runtime, HasSubstr("interrupted")));
  const auto all = static_cast<std::int64_t>(images.data().samples.size());
  EXPECT_EQ(TrainingImages(backbone, dataset, settings).fill_store(store(), *alone), all - 4);
}

TEST_F(TrainingImagesTest, AreTrainedOnByThePapersProfile) {
  const Settings paper = resolve_settings("paper", {}, {}).method;
  settings.train = paper.train;
  settings.text = paper.text;
  settings.prompts = paper.prompts;
  settings.train.epochs = 2;
  settings.train.batch_size = 4;
  TrainingImages images(backbone, dataset, settings);
  images.fill_store(store(), *alone);
  const TrainingData data = images.data();
  const TrainingSetup setup = make_training_setup(backbone, settings, std::nullopt);
  TrainingRun run;
  run.output = folder / "out";
  std::vector<StepReport> steps;
  run.on_step = [&](const StepReport& report, std::int64_t) { steps.push_back(report); };
  EXPECT_TRUE(run_training(data, setup, run, *alone).finished);
  const auto figure = [](const Figures& figures, const std::string& name) {
    for (const auto& [key, value] : figures)
      if (key == name) return value;
    return -1.0;
  };
  for (const StepReport& step : steps)
    EXPECT_DOUBLE_EQ(figure(step.rates, "res_vis"), 5 * figure(step.rates, "res_vis_global")) << step.step;
  // Pixels are counted image by image, so the loss of a batch is the mean of its images' losses.
  const StepPairs all = draw_pairs(data.samples, 4, settings.train.seed, 0)[0];
  for (const auto& [name, value] : steps[0].losses) {
    double sum = 0;
    for (std::size_t i = 0; i < all.query.size(); ++i) {
      TrainingSetup one = setup;
      one.steps_per_epoch = 1;
      const StepPairs pair{0, 0, {all.query[i]}, {all.reference[i]}};
      sum += figure(Trainer(data, one, *alone).step(pair).losses, name);
    }
    EXPECT_NEAR(value, sum / 4, 1e-5) << name;  // float32 sums in another order
  }
}

TEST_F(TrainingImagesTest, AreIdentifiedByAllThatChangesTheirFeatures) {
  const auto identity = [&](const Settings& changed) {
    return training_identity(backbone, changed, std::nullopt, /*stored=*/true);
  };
  const auto key_that_differs = [&](auto change) -> std::string {
    Settings changed = settings;
    change(changed);
    std::string keys;
    const auto before = identity(settings), after = identity(changed);
    for (const auto& [name, text] : before)
      if (after.at(name) != text) keys += name + " ";
    return keys;
  };
  EXPECT_EQ(key_that_differs([](Settings& s) { s.store.numbers = StoredAs::float16; }), "store.numbers ");
  EXPECT_EQ(key_that_differs([](Settings& s) { s.image.convert_before_resize ^= true; }),
            "image.convert_before_resize ");
  EXPECT_EQ(key_that_differs([](Settings& s) { s.image.size = 84; }), "image.size ");
  Settings wide = settings;
  wide.image.reading.wide = wide_samples("high_byte");
  EXPECT_FALSE(identity(settings).contains("image.wide"));
  EXPECT_EQ(identity(wide).at("image.wide"), "high_byte");
  EXPECT_EQ(key_that_differs([](Settings& s) { s.prompts.noun = "screw"; }), "prompts.noun ");
  EXPECT_EQ(key_that_differs([](Settings& s) { s.text.normalise_residual ^= true; }),
            "text.normalise_residual ");
  EXPECT_EQ(key_that_differs([](Settings& s) { s.compute.threads = 7; }), "");
  const Adapters fresh = fresh_adapters(96, std::vector{6}, std::vector{6}, 1);
  EXPECT_NE(training_identity(backbone, settings, fresh, true).at("--initial"),
            identity(settings).at("--initial"));
}

}  // namespace
}  // namespace res2clip
