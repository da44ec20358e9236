#include "res2clip/eval/evaluator.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/eval/results.hpp"

#include "eval/made_up.hpp"
#include "support/fails.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using ::testing::SizeIs;

EvaluationResult run(const Dataset& dataset, std::int64_t batch_size, std::size_t shots = 1,
                     const EvaluationListener& listener = {}, MetricMode mode = MetricMode::exact) {
  testing::MadeUpFeatures features;
  return evaluate(dataset, testing::made_up_references(dataset, shots), testing::made_up_detector(), features,
                  {batch_size, {mode}}, listener, testing::made_up_mask);
}

std::string all_files(const EvaluationResult& result) {
  return results_json(result, {}, {}) + results_csv(result) + scores_csv(result);
}

TEST(Evaluate, FilesAreTheSameBytesForAnyBatchSize) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  for (const auto mode : {MetricMode::exact, MetricMode::released}) {
    const auto expected = all_files(run(dataset, 1, 2, {}, mode));
    for (const std::int64_t batch_size : {2, 4, 9, 100})
      EXPECT_EQ(all_files(run(dataset, batch_size, 2, {}, mode)), expected) << "batch size " << batch_size;
  }
}

TEST(Evaluate, FilesAreTheSameBytesForAnyNumberOfThreads) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto expected = all_files(run(dataset, 4));
  for (const int count : {2, 3, 8}) {
    at::set_num_threads(count);
    EXPECT_EQ(all_files(run(dataset, 4)), expected) << count << " threads";
  }
  at::set_num_threads(threads);
}

TEST(Evaluate, FiguresDoNotDependOnTheOrderOfImages) {
  auto dataset = testing::made_up_dataset({"a", "b"});
  const auto expected = results_csv(run(dataset, 4));
  for (auto& [category, samples] : dataset.test) std::reverse(samples.begin(), samples.end());
  EXPECT_EQ(results_csv(run(dataset, 4)), expected);
}

TEST(Evaluate, EveryImageHasItsScoresInTheOrderOfTheDataSet) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  const auto result = run(dataset, 4, 2);
  ASSERT_THAT(result.classes, SizeIs(2));
  for (const auto& one : result.classes) {
    const auto& samples = dataset.test.at(one.category);
    ASSERT_EQ(one.images.size(), samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      EXPECT_EQ(one.images[i].name, samples[i].name);
      EXPECT_EQ(one.images[i].anomalous, samples[i].anomalous);
      // The training-free weights of Eq. 5 are 1 : 1 : 1; the sum is taken in another order.
      EXPECT_NEAR(one.images[i].score, one.images[i].text + one.images[i].visual + one.images[i].residual,
                  1e-6);
    }
    EXPECT_EQ(one.metrics.images, 9);
    EXPECT_EQ(one.metrics.anomalous_images, 6);
    for (const auto& figure : one.metrics.figures) EXPECT_TRUE(figure.value.has_value()) << figure.reason;
    EXPECT_EQ(one.references, (std::vector<std::string>{one.category + "/test/good/100.png",
                                                        one.category + "/test/good/101.png"}));
  }
  EXPECT_EQ(result.mean.classes, 2);
}

TEST(Evaluate, AClassMayLackAnomaliesOrImages) {
  auto dataset = testing::made_up_dataset({"whole", "normal", "empty"});
  std::erase_if(dataset.test["normal"], [](const Sample& sample) { return sample.anomalous; });
  dataset.test.erase("empty");
  const auto result = run(dataset, 4);
  ASSERT_THAT(result.classes, SizeIs(3));
  EXPECT_THAT(result.classes[1].metrics[Metric::image_auroc].reason, HasSubstr("no anomalous image"));
  EXPECT_THAT(result.classes[2].images, SizeIs(0));
  for (const auto metric : kMetrics) {
    EXPECT_EQ(result.mean[metric].value, result.classes[0].metrics[metric].value);
    EXPECT_EQ(result.mean[metric].counted, 1);
  }
}

TEST(Evaluate, AnAnomalousImageWithoutMaskCountsAsNormalPixels) {
  auto dataset = testing::made_up_dataset({"a"});
  for (auto& sample : dataset.test["a"]) sample.mask.clear();
  const auto metrics = run(dataset, 4).classes[0].metrics;
  EXPECT_TRUE(metrics[Metric::image_auroc].value.has_value());
  EXPECT_EQ(metrics[Metric::aupro].reason, "no anomalous pixel in any mask");
}

TEST(Evaluate, AClassWithoutReferencesIsAnErrorThatNamesIt) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  auto references = testing::made_up_references(dataset, 1);
  references["b"].clear();
  testing::MadeUpFeatures features;
  EXPECT_THAT(
      [&] {
        evaluate(dataset, references, testing::made_up_detector(), features, {}, {}, testing::made_up_mask);
      },
      Fails(ErrorKind::data, HasSubstr("class 'b'")));
}

TEST(Evaluate, WithoutReferencesTheTextBranchDecidesAlone) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  const Detector detector = testing::made_up_detector();
  const References references = testing::made_up_references(dataset, 1);
  const EvaluationRun runs[] = {{&detector, nullptr, {MetricMode::exact}},
                                {&detector, &references, {MetricMode::exact}}};
  testing::MadeUpFeatures features;
  const auto results = evaluate_runs(dataset, runs, features, {4, {}}, {}, testing::made_up_mask);
  EXPECT_EQ(all_files(results[1]), all_files(run(dataset, 4)));  // the run beside it is as it is alone
  for (std::size_t i = 0; i < results[0].classes.size(); ++i) {
    const ClassResult &zero = results[0].classes[i], &one = results[1].classes[i];
    EXPECT_THAT(zero.references, SizeIs(0));
    for (std::size_t k = 0; k < zero.images.size(); ++k) {
      EXPECT_EQ(zero.images[k].text, one.images[k].text);
      EXPECT_EQ(zero.images[k].score, zero.images[k].text);
      EXPECT_EQ(zero.images[k].visual, 0.0f);
    }
    EXPECT_TRUE(zero.metrics[Metric::aupro].value.has_value());
  }
}

TEST(Evaluate, TellsOfEveryBatchBeforeItIsNeeded) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  testing::MadeUpFeatures features;
  evaluate(dataset, testing::made_up_references(dataset, 3), testing::made_up_detector(), features, {4, {}},
           {}, testing::made_up_mask);
  EXPECT_THAT(features.asked, SizeIs(8));  // per class one batch of references and three of images
  EXPECT_EQ(features.announced,
            std::vector<std::vector<Path>>(features.asked.begin() + 1, features.asked.end()));
}

TEST(Evaluate, TheListenerHearsProgressClassesAndMaps) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  std::vector<std::int64_t> done;
  std::vector<std::string> classes;
  std::vector<std::string> images;
  EvaluationListener listener;
  listener.progress = [&](std::int64_t count, std::int64_t total, const std::string&) {
    EXPECT_EQ(total, 20);  // 9 images and a reference for each class
    done.push_back(count);
  };
  listener.class_done = [&](const ClassResult& result) { classes.push_back(result.category); };
  listener.image_done = [&](const Sample& sample, const at::Tensor& map) {
    EXPECT_EQ(map.sizes(), (std::vector<std::int64_t>{24, 24}));
    images.push_back(sample.name);
  };
  run(dataset, 5, 1, listener);
  EXPECT_THAT(done, ::testing::ElementsAre(1, 6, 10, 11, 16, 20));
  EXPECT_THAT(classes, ::testing::ElementsAre("a", "b"));
  EXPECT_THAT(images, SizeIs(18));
}

TEST(Evaluate, AnErrorOfTheInputEndsIt) {
  const auto dataset = testing::made_up_dataset({"a"});
  testing::MadeUpFeatures features;
  const auto broken = [](const Sample& sample, std::int64_t) -> at::Tensor {
    throw data_error(sample.mask.string() + ": cannot be read");
  };
  EXPECT_THAT(
      [&] {
        evaluate(dataset, testing::made_up_references(dataset, 1), testing::made_up_detector(), features, {},
                 {}, broken);
      },
      Fails(ErrorKind::data, HasSubstr("cannot be read")));
}

TEST(Evaluate, AsksForReferencesImagesAndMasks) {
  const auto dataset = testing::made_up_dataset({"a"});
  const auto references = testing::made_up_references(dataset, 2);
  std::vector<Path> images = references.at("a"), masks;
  for (const Sample& sample : dataset.test.at("a")) {
    images.push_back(sample.image);
    if (sample.anomalous) masks.push_back(sample.mask);
  }
  EXPECT_THAT(images_of(dataset, references), ::testing::UnorderedElementsAreArray(images));
  EXPECT_THAT(masks_of(dataset), ::testing::UnorderedElementsAreArray(masks));
}

TEST(Evaluate, ABatchSizeBelowOneIsAnError) {
  EXPECT_THAT([&] { run(testing::made_up_dataset({"a"}), 0); },
              Fails(ErrorKind::settings, HasSubstr("batch size is 0")));
}

TEST(Evaluate, MasksMayLieInMemory) {
  const auto dataset = testing::made_up_dataset({"a"});
  auto in_memory = dataset;
  for (auto& sample : in_memory.test["a"]) sample.mask.clear();
  const auto masks = [&](const Sample& sample, std::int64_t size) {
    EXPECT_TRUE(sample.anomalous);
    Sample named = sample;
    named.mask = "kept in memory";
    return testing::made_up_mask(named, size);
  };
  testing::MadeUpFeatures features;
  const auto found = evaluate(in_memory, testing::made_up_references(dataset, 1), testing::made_up_detector(),
                              features, {4, {MetricMode::exact}}, {}, masks);
  EXPECT_EQ(results_csv(found), results_csv(run(dataset, 4)));
}

/// Gives the features of one image too few.
class ShortFeatures final : public FeatureSource {
 public:
  Features of(std::span<const Path> images) override {
    return whole_.of(images.size() > 1 ? images.first(images.size() - 1) : images);
  }

 private:
  testing::MadeUpFeatures whole_;
};

TEST(Evaluate, FeaturesOfTooFewImagesAreAnError) {
  const auto dataset = testing::made_up_dataset({"a"});
  ShortFeatures features;
  EXPECT_THAT(
      [&] {
        evaluate(dataset, testing::made_up_references(dataset, 1), testing::made_up_detector(), features,
                 {4, {}}, {}, testing::made_up_mask);
      },
      Fails(ErrorKind::data, HasSubstr("gave those of 3 images for 4")));
}

}  // namespace
}  // namespace res2clip
