#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "res2clip/metrics/accumulator.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

// The goldens' own spread between independent computations is 1e-15; the rest is summation order.
constexpr double kTolerance = 1e-9;

const nlohmann::json& goldens() {
  static const nlohmann::json content = testing::read_json(testing::test_data("goldens/metrics.json"));
  return content;
}

ClassAccumulator accumulated(const nlohmann::json& example) {
  const auto rows = goldens()["height"].get<std::int64_t>();
  const auto cols = goldens()["width"].get<std::int64_t>();
  const auto scores = example["pixel_scores"].get<std::vector<float>>();
  const auto labels = example["pixel_labels"].get<std::string>();
  ClassAccumulator accumulator;
  for (std::size_t image = 0; image < example["image_scores"].size(); ++image) {
    const auto map = at::empty({rows, cols}, at::kFloat);
    const auto mask = at::empty({rows, cols}, at::kByte);
    for (std::int64_t i = 0; i < rows * cols; ++i) {
      map.data_ptr<float>()[i] = scores[image * rows * cols + i];
      mask.data_ptr<std::uint8_t>()[i] = labels[image * rows * cols + i] == '1' ? 1 : 0;
    }
    accumulator.add(map, mask, example["image_scores"][image].get<double>(),
                    example["image_labels"][image].get<int>() == 1);
  }
  return accumulator;
}

/// Whether the class has what the figure needs; where not, scikit-learn answers 0 or NaN and we answer
/// nothing.
bool undefined(const nlohmann::json& example, const std::string& name, const nlohmann::json& expected) {
  if (expected.is_string()) return true;  // "nan"
  const auto labels = example["image_labels"].get<std::vector<int>>();
  if (name[0] == 'I') return std::count(labels.begin(), labels.end(), 1) == 0;
  return example["pixel_labels"].get<std::string>().find('1') == std::string::npos;
}

double largest_seen = 0.0;

void expect_figure(const ClassMetrics& metrics, Metric metric, const nlohmann::json& example,
                   const std::string& name, const nlohmann::json& expected) {
  const auto& figure = metrics[metric];
  SCOPED_TRACE(example["name"].get<std::string>() + " " + name);
  if (undefined(example, name, expected)) {
    EXPECT_FALSE(figure.value.has_value());
    EXPECT_FALSE(figure.reason.empty());
    return;
  }
  ASSERT_TRUE(figure.value.has_value()) << figure.reason;
  EXPECT_TRUE(figure.reason.empty());
  EXPECT_NEAR(*figure.value, expected.get<double>(), kTolerance);
  largest_seen = std::max(largest_seen, std::abs(*figure.value - expected.get<double>()));
}

TEST(MetricGoldens, ExactFiguresAreScikitLearns) {
  for (const auto& example : goldens()["cases"]) {
    const auto metrics = accumulated(example).finish(MetricMode::exact);
    const auto& expected = example["exact"];
    expect_figure(metrics, Metric::image_auroc, example, "I-AUROC", expected["I-AUROC"]);
    expect_figure(metrics, Metric::image_ap, example, "I-AP", expected["I-AP"]);
    expect_figure(metrics, Metric::image_f1, example, "I-F1_max", expected["I-F1_max"]);
    expect_figure(metrics, Metric::pixel_auroc, example, "P-AUROC", expected["P-AUROC"]);
    expect_figure(metrics, Metric::pixel_ap, example, "P-AP", expected["P-AP"]);
    expect_figure(metrics, Metric::pixel_f1, example, "P-F1_max", example["f1"]["pixel"]);
    expect_figure(metrics, Metric::aupro, example, "AUPRO", expected["AUPRO"]);
  }
  std::printf("largest difference so far: %.3g\n", largest_seen);
}

TEST(MetricGoldens, ReleasedFiguresAreTheAuthors) {
  for (const auto& example : goldens()["cases"]) {
    if (example["released"].contains("error")) continue;
    const auto metrics = accumulated(example).finish(MetricMode::released);
    const auto& expected = example["released"];
    expect_figure(metrics, Metric::image_auroc, example, "I-AUROC", expected["I-AUROC"]);
    expect_figure(metrics, Metric::image_ap, example, "I-AP", expected["I-AP"]);
    expect_figure(metrics, Metric::image_f1, example, "I-F1_max", expected["I-F1_max"]);
    expect_figure(metrics, Metric::pixel_auroc, example, "P-AUROC", expected["P-AUROC"]);
    expect_figure(metrics, Metric::pixel_ap, example, "P-AP", expected["P-AP"]);
    expect_figure(metrics, Metric::pixel_f1, example, "P-F1_max", expected["P-F1_max"]);
    expect_figure(metrics, Metric::aupro, example, "AUPRO", expected["AUPRO"]);
  }
  std::printf("largest difference so far: %.3g\n", largest_seen);
}

// Where the released evaluator fails as a whole, the figures that it could have given are given all the same,
// and the others are nothing, with the reason.
TEST(MetricGoldens, WhereTheReleaseFailsTheFiguresThatExistAreGiven) {
  int failures = 0;
  for (const auto& example : goldens()["cases"]) {
    if (!example["released"].contains("error")) continue;
    ++failures;
    const auto name = example["name"].get<std::string>();
    SCOPED_TRACE(name);
    const auto metrics = accumulated(example).finish(MetricMode::released);
    expect_figure(metrics, Metric::image_f1, example, "I-F1_max", example["f1"]["image"]);
    expect_figure(metrics, Metric::pixel_f1, example, "P-F1_max", example["f1"]["pixel"]);
    if (example["adeval_torch"].contains("error")) {
      EXPECT_FALSE(metrics[Metric::aupro].value.has_value());
      EXPECT_FALSE(metrics[Metric::aupro].reason.empty());
    } else {
      expect_figure(metrics, Metric::pixel_auroc, example, "P-AUROC", example["adeval_torch"]["p_auroc"]);
      expect_figure(metrics, Metric::pixel_ap, example, "P-AP", example["adeval_torch"]["p_aupr"]);
      expect_figure(metrics, Metric::aupro, example, "AUPRO", example["adeval_torch"]["p_aupro"]);
    }
    if (name == "constant_pixels") {
      EXPECT_EQ(metrics[Metric::pixel_auroc].reason,
                "all pixels have the same score, which cannot be cut into strips");
    }
    if (name == "constant_images") {
      EXPECT_FALSE(metrics[Metric::image_auroc].value.has_value());
      EXPECT_FALSE(metrics[Metric::image_ap].value.has_value());
    } else {
      expect_figure(metrics, Metric::image_auroc, example, "I-AUROC", example["exact"]["I-AUROC"]);
      expect_figure(metrics, Metric::image_ap, example, "I-AP", example["exact"]["I-AP"]);
    }
  }
  EXPECT_EQ(failures, 5);
}

}  // namespace
}  // namespace res2clip
