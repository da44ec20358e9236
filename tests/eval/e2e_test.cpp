// Whole runs on real images against those of the authors' program: what stands in its table at the end.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/results.hpp"
#include "res2clip/features/stored_features.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/model/text_anchors.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/devices.hpp"
#include "support/formula.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

// Ranks of images are safe from rounding (the smallest gap between two scores is 1.2e-4), ranks of pixels are
// not.
constexpr double kImageTolerance = 1e-9;
constexpr double kPixelTolerance = 1e-4;

const std::vector<int> kLayers{6, 12, 18, 24};

struct Goldens {
  nlohmann::json content;
  Path root;  ///< of the images
  Path meta;
};

Detector detector_of(const nlohmann::json& run, const Backbone& backbone) {
  const TextAnchors anchors = encode_anchors(backbone, {}, {});
  if (run["mode"] == "training-free") return Detector(anchors, backbone.card(), {});
  const auto tensors = testing::formula_adapters(testing::kTinyClip.embed, kLayers, kLayers, 2);
  return Detector(anchors, backbone.card(), {}, assemble_adapters(tensors, "formula adapters"));
}

/// The first references of each class; the goldens of one class list its paths without naming it.
References references_of(const Goldens& goldens, std::size_t shots) {
  const auto& listed = goldens.content["references"];
  const auto of_class =
      listed.is_array() ? nlohmann::json{{goldens.content["cls"].get<std::string>(), listed}} : listed;
  References references;
  for (const auto& [category, paths] : of_class.items())
    for (std::size_t i = 0; i < shots; ++i)
      references[category].push_back(goldens.root / paths[i].get<std::string>());
  return references;
}

EncodedFeatures encoded_of(const Backbone& backbone, std::int64_t size) {
  return {backbone, {.size = size}, kLayers, /*batch_size=*/4};
}

EvaluationResult evaluate_run(const nlohmann::json& run, const Goldens& goldens, const Backbone& backbone,
                              FeatureSource& features, MetricMode mode, std::int64_t batch_size) {
  return evaluate(read_meta(goldens.meta, goldens.root),
                  references_of(goldens, run["shots"].get<std::size_t>()), detector_of(run, backbone),
                  features, {batch_size, {mode}});
}

/// A store for the features of the runs at one image size, which all runs share.
FeatureStore store_of(const Path& folder, const Backbone& backbone, std::int64_t size) {
  return {folder / std::to_string(size),
          describe_store("goldens", backbone, {.size = size}, Precision::fp32, StoredAs::float32, kLayers)};
}

/// The largest differences to the goldens, of image figures and of pixel figures.
struct Differences {
  double image = 0.0;
  double pixel = 0.0;

  void expect(const Figure& figure, const nlohmann::json& expected, bool of_images) {
    ASSERT_TRUE(figure.value.has_value()) << figure.reason;
    const double difference = std::abs(*figure.value - expected.get<double>());
    EXPECT_LE(difference, of_images ? kImageTolerance : kPixelTolerance);
    double& largest = of_images ? image : pixel;
    largest = std::max(largest, difference);
  }
};

constexpr std::pair<Metric, const char*> kNames[] = {{Metric::image_auroc, "I-AUROC"},
                                                     {Metric::image_ap, "I-AP"},
                                                     {Metric::image_f1, "I-F1"},
                                                     {Metric::pixel_auroc, "P-AUROC"},
                                                     {Metric::pixel_ap, "P-AP"},
                                                     {Metric::pixel_f1, "P-F1"},
                                                     {Metric::aupro, "PRO"}};

bool of_images(Metric metric) {
  return std::string(name_of(metric)).starts_with("I-");
}

void expect_goldens(const Goldens& goldens, c10::Device device) {
  const Backbone backbone = testing::tiny_backbone(device);
  const testing::TemporaryFolder folder;
  Differences differences;
  for (const auto& run : goldens.content["runs"]) {
    const auto size = run["image_size"].get<std::int64_t>();
    EncodedFeatures encoded = encoded_of(backbone, size);
    StoredFeatures stored(store_of(folder.path(), backbone, size), encoded, device);
    SCOPED_TRACE(run["mode"].get<std::string>() + ", " + std::to_string(size) + " px, " +
                 std::to_string(run["shots"].get<int>()) + " shots");
    const auto released = evaluate_run(run, goldens, backbone, stored, MetricMode::released, 4);
    const auto exact = evaluate_run(run, goldens, backbone, stored, MetricMode::exact, 4);
    for (std::size_t i = 0; i < released.classes.size(); ++i) {
      const auto& category = released.classes[i].category;
      SCOPED_TRACE(category);
      const auto& expected = run.contains("classes") ? run["classes"][category] : run;
      for (const auto& [metric, name] : kNames)
        differences.expect(released.classes[i].metrics[metric], expected["metrics"][name], of_images(metric));
      for (const auto metric : {Metric::pixel_auroc, Metric::pixel_ap, Metric::aupro})
        differences.expect(exact.classes[i].metrics[metric], expected["exact"][std::string(name_of(metric))],
                           false);
    }
    if (run.contains("mean"))
      for (const auto& [metric, name] : kNames)
        differences.expect({released.mean[metric].value, {}}, run["mean"][name], of_images(metric));
  }
  std::printf("largest difference of image figures %.3g, of pixel figures %.3g\n", differences.image,
              differences.pixel);
}

class WholeRunsOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, WholeRunsOn, testing::kDevices, testing::device_name);

TEST_P(WholeRunsOn, GiveTheFiguresOfTheAuthorsProgram) {
  expect_goldens({testing::read_json(testing::test_data("generated/e2e.json")),
                  testing::test_data("generated/images"), testing::test_data("generated/e2e_meta.json")},
                 device());
}

TEST_P(WholeRunsOn, GiveTheFiguresOfTheAuthorsProgramOnPhotographs) {
  const auto fixtures = testing::full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES does not name the full golden set";
  expect_goldens({testing::read_json(*fixtures / "e2e_leather.json"), *fixtures / "../data",
                  *fixtures / "e2e_leather_meta.json"},
                 device());
}

TEST(WholeRuns, GiveTheSameFilesForAnyBatchSize) {
  const Goldens goldens{testing::read_json(testing::test_data("generated/e2e.json")),
                        testing::test_data("generated/images"),
                        testing::test_data("generated/e2e_meta.json")};
  const Backbone backbone = testing::tiny_backbone();
  for (const std::size_t number : {1, 3, 7}) {  // training-free, fine-tuned, and that at another size
    const auto& run = goldens.content["runs"][number];
    SCOPED_TRACE(run["mode"].get<std::string>() + ", " + run["image_size"].dump() + " px");
    EncodedFeatures encoded = encoded_of(backbone, run["image_size"].get<std::int64_t>());
    const auto expected = evaluate_run(run, goldens, backbone, encoded, MetricMode::released, 1);
    for (const std::int64_t batch_size : {3, 8}) {
      const auto result = evaluate_run(run, goldens, backbone, encoded, MetricMode::released, batch_size);
      EXPECT_EQ(results_csv(result), results_csv(expected)) << "batch size " << batch_size;
      EXPECT_EQ(scores_csv(result), scores_csv(expected)) << "batch size " << batch_size;
    }
  }
}

}  // namespace
}  // namespace res2clip
