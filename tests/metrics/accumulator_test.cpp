#include "res2clip/metrics/accumulator.hpp"

#include <cmath>
#include <cstdint>
#include <gmock/gmock.h>
#include <limits>
#include <optional>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/random.hpp"

#include "metrics/plain.hpp"
#include "support/fails.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

struct Example {
  at::Tensor map;
  at::Tensor mask;
  double score = 0.0;
  bool anomalous = false;
};

/// Random maps with rectangular defects that score a little higher; `levels` > 0 quantises the scores.
std::vector<Example> random_class(std::uint64_t seed, int images, std::int64_t size, int levels = 0) {
  RandomStream random(seed);
  std::vector<Example> examples;
  for (int image = 0; image < images; ++image) {
    Example example{at::empty({size, size}, at::kFloat), at::zeros({size, size}, at::kByte), random.uniform(),
                    image % 3 == 0};
    for (int defect = 0; example.anomalous && defect < 4; ++defect) {
      const auto row = static_cast<std::int64_t>(random.below(size));
      const auto col = static_cast<std::int64_t>(random.below(size));
      example.mask.slice(0, row, row + size / 8 + 1).slice(1, col, col + 1 + size / 10 + defect).fill_(1);
    }
    float* scores = example.map.data_ptr<float>();
    const auto* marks = example.mask.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < size * size; ++i) {
      double score = random.uniform(-0.5, 1.0) + 0.4 * marks[i];
      if (levels > 0) score = std::round(score * levels) / levels;
      scores[i] = static_cast<float>(score);
    }
    examples.push_back(example);
  }
  return examples;
}

ClassMetrics evaluate(const std::vector<Example>& examples, const MetricOptions& options) {
  ClassAccumulator accumulator;
  for (const auto& example : examples)
    accumulator.add(example.map, example.mask, example.score, example.anomalous);
  return accumulator.finish(options);
}

ClassMetrics evaluate(const std::vector<Example>& examples, MetricMode mode) {
  return evaluate(examples, MetricOptions{mode});
}

testing::PlainFigures plain(const std::vector<Example>& examples, double pro_limit = kPublishedProLimit) {
  std::vector<testing::PlainPixel> pixels;
  std::int64_t regions = 0;
  for (const auto& example : examples) {
    const auto* marks = example.mask.data_ptr<std::uint8_t>();
    const auto labels = testing::plain_regions({marks, marks + example.mask.numel()}, example.mask.size(0),
                                               example.mask.size(1));
    std::vector<double> areas(labels.size() + 1, 0.0);
    int highest = 0;
    for (const int label : labels) {
      ++areas[label];
      highest = std::max(highest, label);
    }
    regions += highest;
    for (std::size_t i = 0; i < labels.size(); ++i)
      pixels.push_back(
          {example.map.data_ptr<float>()[i], labels[i] > 0, labels[i] > 0 ? 1.0 / areas[labels[i]] : 0.0});
  }
  return testing::plain_pixel_figures(std::move(pixels), regions, pro_limit);
}

void expect_same(const ClassMetrics& a, const ClassMetrics& b) {
  for (const auto metric : kMetrics) EXPECT_EQ(a[metric].value, b[metric].value) << name_of(metric);
}

TEST(ClassAccumulator, AgreesWithAComparisonSortOfAllPixels) {
  for (const int levels : {0, 7, 1000}) {
    const auto examples = random_class(1, 9, 96, levels);
    const auto metrics = evaluate(examples, MetricMode::exact);
    const auto expected = plain(examples);
    // The order of summation differs.
    EXPECT_NEAR(*metrics[Metric::pixel_auroc].value, expected.auroc, 1e-11);
    EXPECT_NEAR(*metrics[Metric::pixel_ap].value, expected.ap, 1e-11);
    EXPECT_NEAR(*metrics[Metric::pixel_f1].value, expected.f1, 1e-11);
    EXPECT_NEAR(*metrics[Metric::aupro].value, expected.aupro, 1e-11);
  }
}

TEST(ClassAccumulator, RegionOverlapGoesToTheLimitThatIsAskedFor) {
  const auto examples = random_class(1, 9, 96, 1000);
  const auto published = evaluate(examples, MetricMode::exact);
  for (const double limit : {0.01, 0.05, 0.7, 1.0}) {
    const auto metrics = evaluate(examples, MetricOptions{MetricMode::exact, limit});
    EXPECT_NEAR(*metrics[Metric::aupro].value, plain(examples, limit).aupro, 1e-11) << limit;
    EXPECT_NE(metrics[Metric::aupro].value, published[Metric::aupro].value) << limit;
    EXPECT_EQ(metrics[Metric::pixel_auroc].value, published[Metric::pixel_auroc].value) << limit;
    const auto strips = evaluate(examples, MetricOptions{MetricMode::released, limit});
    EXPECT_NEAR(*strips[Metric::aupro].value, *metrics[Metric::aupro].value, 0.05) << limit;
  }
  for (const double limit : {0.0, -0.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(evaluate(examples, MetricOptions{MetricMode::exact, limit}), Error) << limit;
}

TEST(ClassAccumulator, FiguresDoNotDependOnTheOrderOfImagesToTheLastBit) {
  auto examples = random_class(2, 12, 64, 20);
  for (const auto mode : {MetricMode::exact, MetricMode::released}) {
    const auto expected = evaluate(examples, mode);
    auto turned = examples;
    std::reverse(turned.begin(), turned.end());
    expect_same(evaluate(turned, mode), expected);
    std::rotate(turned.begin(), turned.begin() + 5, turned.end());
    expect_same(evaluate(turned, mode), expected);
  }
}

TEST(ClassAccumulator, FiguresDoNotDependOnTheNumberOfThreads) {
  const auto examples = random_class(3, 6, 400);  // large enough for several blocks
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto expected = evaluate(examples, MetricMode::exact);
  at::set_num_threads(4);
  expect_same(evaluate(examples, MetricMode::exact), expected);
  at::set_num_threads(threads);
}

TEST(ClassAccumulator, MoreImagesMayFollowAFinish) {
  const auto examples = random_class(4, 9, 32);
  ClassAccumulator accumulator;
  for (const auto& example : examples) {
    accumulator.add(example.map, example.mask, example.score, example.anomalous);
    accumulator.finish(MetricMode::released);
  }
  expect_same(accumulator.finish(MetricMode::exact), evaluate(examples, MetricMode::exact));
  EXPECT_EQ(accumulator.images(), 9);
}

TEST(ClassAccumulator, BothZerosAreOneThreshold) {
  Example normal{at::full({1, 2}, -0.0, at::kFloat), {}, 0.1, false};
  Example defect{at::zeros({1, 2}, at::kFloat), at::ones({1, 2}, at::kByte), 0.2, true};
  EXPECT_EQ(evaluate({normal, defect}, MetricMode::exact)[Metric::pixel_auroc].value, 0.5);
}

TEST(ClassAccumulator, MasksMayBeBooleanAndMapsStrided) {
  const auto examples = random_class(6, 6, 24);
  ClassAccumulator accumulator;
  for (const auto& example : examples)
    accumulator.add(example.map.t().contiguous().t(), example.mask.to(at::kBool), example.score,
                    example.anomalous);
  expect_same(accumulator.finish(MetricMode::exact), evaluate(examples, MetricMode::exact));
}

TEST(ClassAccumulator, AClassWithoutAnomaliesHasNoFiguresAndSaysWhy) {
  auto examples = random_class(7, 4, 16);
  for (auto& example : examples) {
    example.anomalous = false;
    example.mask = at::Tensor();
  }
  for (const auto mode : {MetricMode::exact, MetricMode::released}) {
    const auto metrics = evaluate(examples, mode);
    EXPECT_EQ(metrics[Metric::image_auroc].reason, "no anomalous image");
    EXPECT_EQ(metrics[Metric::aupro].reason, "no anomalous pixel in any mask");
    for (const auto metric : kMetrics) EXPECT_FALSE(metrics[metric].value.has_value()) << name_of(metric);
  }
}

TEST(ClassAccumulator, AClassWithoutMasksKeepsItsImageFigures) {
  auto examples = random_class(8, 6, 16);
  for (auto& example : examples) example.mask = at::Tensor();
  const auto metrics = evaluate(examples, MetricMode::exact);
  EXPECT_TRUE(metrics[Metric::image_auroc].value.has_value());
  EXPECT_FALSE(metrics[Metric::pixel_auroc].value.has_value());
}

TEST(ClassAccumulator, AClassWithoutNormalImagesOrPixelsHasNoRocCurve) {
  const Example example{at::rand({4, 4}), at::ones({4, 4}, at::kByte), 0.5, true};
  for (const auto mode : {MetricMode::exact, MetricMode::released}) {
    const auto metrics = evaluate({example, example}, mode);
    EXPECT_THAT(metrics[Metric::image_auroc].reason, HasSubstr("no normal image"));
    EXPECT_THAT(metrics[Metric::pixel_auroc].reason, HasSubstr("no normal pixel"));
    EXPECT_THAT(metrics[Metric::aupro].reason, HasSubstr("no normal pixel"));
    EXPECT_EQ(metrics[Metric::image_ap].value, 1.0);
  }
}

TEST(ClassAccumulator, AnEmptyClassHasNoFigures) {
  for (const auto mode : {MetricMode::exact, MetricMode::released})
    for (const auto& figure : ClassAccumulator().finish(mode).figures) EXPECT_FALSE(figure.value.has_value());
}

TEST(ClassAccumulator, ValuesThatAreNotFiniteSpoilTheirFiguresOnly) {
  auto examples = random_class(9, 6, 16);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto spoiled = examples;
    spoiled[1].map = spoiled[1].map.clone();
    spoiled[1].map[3][3] = bad;
    const auto metrics = evaluate(spoiled, MetricMode::released);
    EXPECT_THAT(metrics[Metric::pixel_auroc].reason, HasSubstr("not finite"));
    EXPECT_TRUE(metrics[Metric::image_auroc].value.has_value());
    spoiled = examples;
    spoiled[0].score = bad;
    EXPECT_THAT(evaluate(spoiled, MetricMode::exact)[Metric::image_f1].reason, HasSubstr("not finite"));
  }
}

TEST(ClassAccumulator, ARangeTooLargeForStripsIsSaid) {
  auto examples = random_class(9, 6, 16);
  examples[0].map[0][0] = 3e38f;
  examples[0].map[0][1] = -3e38f;
  EXPECT_THAT(evaluate(examples, MetricMode::released)[Metric::aupro].reason, HasSubstr("too large"));
  EXPECT_TRUE(evaluate(examples, MetricMode::exact)[Metric::aupro].value.has_value());
}

TEST(ClassAccumulator, AMaskOfAnotherSizeIsAnError) {
  ClassAccumulator accumulator;
  EXPECT_THAT(
      [&] {
        accumulator.add(at::zeros({4, 4}), at::zeros({4, 5}, at::kByte), 0.0, true);
      },
      Fails(ErrorKind::data, HasSubstr("its map's size [4, 4]")));
  EXPECT_THAT(
      [&] {
        accumulator.add(at::zeros({4, 4}), at::zeros({4, 4}), 0.0, true);
      },
      Fails(ErrorKind::data, HasSubstr("uint8 or bool")));
  EXPECT_THAT([&] { accumulator.add(at::zeros({4}), {}, 0.0, true); },
              Fails(ErrorKind::data, HasSubstr("must be float32 [H, W], not [4]")));
  EXPECT_THAT(
      [&] {
        accumulator.add(at::zeros({4, 4}, at::kDouble), {}, 0.0, true);
      },
      Fails(ErrorKind::data, HasSubstr("must be float32")));
  EXPECT_EQ(accumulator.images(), 0);
}

TEST(MeanOverClasses, ClassesWeighEquallyAndThoseWithoutAFigureAreLeftOut) {
  ClassMetrics a;
  ClassMetrics b;
  ClassMetrics c;
  a[Metric::aupro] = Figure::of(0.5);
  b[Metric::aupro] = Figure::of(1.0);
  c[Metric::aupro] = Figure::none("no anomalous pixel in any mask");
  const std::vector<ClassMetrics> classes{a, b, c};
  const auto mean = mean_over_classes(classes);
  EXPECT_EQ(mean[Metric::aupro].value, 0.75);
  EXPECT_EQ(mean[Metric::aupro].counted, 2);
  EXPECT_EQ(mean.classes, 3);
  EXPECT_FALSE(mean[Metric::image_ap].value.has_value());
  EXPECT_EQ(mean[Metric::image_ap].counted, 0);
}

TEST(MetricNames, AreThoseOfThePublishedTables) {
  std::vector<std::string> names;
  for (const auto metric : kMetrics) names.emplace_back(name_of(metric));
  EXPECT_THAT(names, ::testing::ElementsAre("I-AUROC", "I-AP", "I-F1", "P-AUROC", "P-AP", "P-F1", "AUPRO"));
}

TEST(ClassAccumulator, PutTogetherFromPartsGivesTheMetricsOfTheWholeClass) {
  const auto examples = random_class(21, 9, 40, 30);
  for (const MetricMode mode : {MetricMode::exact, MetricMode::released}) {
    const ClassMetrics expected = evaluate(examples, mode);
    ClassAccumulator whole, first, second;
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const auto& one = examples[i];
      (i < 2 ? whole : i % 2 == 0 ? first : second).add(one.map, one.mask, one.score, one.anomalous);
    }
    first.finish(mode);  // which sorts
    whole.add(second.bytes());
    whole.add(first.bytes());
    const ClassMetrics found = whole.finish(mode);
    EXPECT_EQ(found.images, expected.images);
    EXPECT_EQ(found.anomalous_images, expected.anomalous_images);
    for (std::size_t i = 0; i < kMetricCount; ++i)
      EXPECT_EQ(found.figures[i].value, expected.figures[i].value) << "metric " << i << ", to the last bit";
  }
}

TEST(ClassAccumulator, KeepsWhatIsNotFiniteOnItsWay) {
  auto examples = random_class(22, 3, 16);
  examples[1].map[0][0] = std::numeric_limits<float>::quiet_NaN();
  ClassAccumulator part, whole;
  for (const auto& one : examples) part.add(one.map, one.mask, one.score, one.anomalous);
  whole.add(part.bytes());
  EXPECT_THAT(whole.finish(MetricMode::exact)[Metric::pixel_auroc].reason, HasSubstr("not finite"));
}

TEST(ClassAccumulator, RefusesDamagedBytes) {
  ClassAccumulator part;
  for (const auto& one : random_class(23, 3, 16)) part.add(one.map, one.mask, one.score, one.anomalous);
  const std::string bytes = part.bytes();
  for (const std::string& damaged : {bytes.substr(0, bytes.size() - 1), bytes + "x", std::string("x")}) {
    ClassAccumulator whole;
    try {
      whole.add(damaged);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
    }
  }
}

}  // namespace
}  // namespace res2clip
