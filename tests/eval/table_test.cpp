#include "res2clip/eval/table.hpp"

#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "res2clip/eval/published.hpp"

namespace res2clip {
namespace {

EvaluationResult example(const std::vector<std::string>& categories) {
  EvaluationResult result;
  std::vector<ClassMetrics> metrics;
  for (const auto& category : categories) {
    ClassResult one;
    one.category = category;
    for (auto& figure : one.metrics.figures) figure = Figure::of(0.9564);
    metrics.push_back(one.metrics);
    result.classes.push_back(one);
  }
  result.mean = mean_over_classes(metrics);
  return result;
}

TEST(ResultsTable, IsAlignedInPercentWithOneDecimal) {
  auto result = example({"leather", "größe"});
  result.classes[0].metrics[Metric::image_auroc] = Figure::of(1.0);
  result.classes[1].metrics[Metric::aupro] = Figure::none("no anomalous pixel in any mask");
  result.mean = mean_over_classes(std::vector{result.classes[0].metrics, result.classes[1].metrics});
  EXPECT_EQ(results_table(result, nullptr),
            "class       I-AUROC     I-AP     I-F1  P-AUROC     P-AP     P-F1    AUPRO\n"
            "-------------------------------------------------------------------------\n"
            "leather       100.0     95.6     95.6     95.6     95.6     95.6     95.6\n"
            "größe          95.6     95.6     95.6     95.6     95.6     95.6        -\n"
            "-------------------------------------------------------------------------\n"
            "mean           97.8     95.6     95.6     95.6     95.6     95.6     95.6\n"
            "mean of fewer than 2 classes: AUPRO (1)\n");
}

TEST(ResultsTable, StandsBesideThePaper) {
  const auto* published = published_result("btad", false, 1, 3);
  ASSERT_NE(published, nullptr);
  const auto table = results_table(example({"01", "02", "03"}), published);
  EXPECT_THAT(table, ::testing::HasSubstr(
                         "paper          95.5     94.8     89.7     97.6     63.0     61.3     82.8\n"
                         "  +-            0.7      2.1      1.9      0.3      1.4      1.3      0.7\n"
                         "difference     +0.1     +0.8     +5.9     -2.0    +32.6    +34.3    +12.8\n"));
}

TEST(Published, HoldsFiveDataSetsInTwoModesWithThreeNumbersOfShots) {
  EXPECT_EQ(published_results().size(), 30U);
  for (const char* dataset : {"mvtec", "visa", "btad", "mpdd", "dtd"})
    for (const bool fine_tuned : {false, true})
      for (const std::int64_t shots : {1, 2, 4}) {
        int rows = 0;
        for (const auto& result : published_results())
          rows += result.dataset == dataset && result.fine_tuned == fine_tuned && result.shots == shots;
        EXPECT_EQ(rows, 1) << dataset << ", " << shots << " shots";
      }
}

// Table 1 gives these averages over the five data sets, rounded to one decimal.
TEST(Published, AveragesAreThoseOfTheMainTable) {
  struct Average {
    bool fine_tuned;
    std::int64_t shots;
    double i_auroc, p_ap, aupro;
  };
  for (const auto& expected : {Average{false, 1, 92.4, 49.7, 89.6}, Average{false, 2, 93.0, 51.5, 90.1},
                               Average{false, 4, 94.0, 53.1, 90.8}, Average{true, 1, 92.4, 55.2, 91.1},
                               Average{true, 2, 93.3, 56.9, 91.7}, Average{true, 4, 94.2, 58.5, 92.1}}) {
    const auto average = [&](Metric metric) {
      double sum = 0.0;
      for (const auto& result : published_results())
        if (result.fine_tuned == expected.fine_tuned && result.shots == expected.shots)
          sum += result[metric].mean;
      return sum / 5.0;
    };
    constexpr double kRounding = 0.05 + 1e-9;
    EXPECT_NEAR(average(Metric::image_auroc), expected.i_auroc, kRounding);
    EXPECT_NEAR(average(Metric::pixel_ap), expected.p_ap, kRounding);
    EXPECT_NEAR(average(Metric::aupro), expected.aupro, kRounding);
  }
}

TEST(Published, ThereIsNothingForPartsOfADataSetOrOtherOnes) {
  EXPECT_NE(published_result("mvtec", true, 4, 15), nullptr);
  EXPECT_EQ(published_result("mvtec", true, 4, 14), nullptr);
  EXPECT_EQ(published_result("mvtec", true, 3, 15), nullptr);
  EXPECT_EQ(published_result("folder", true, 4, 15), nullptr);
}

}  // namespace
}  // namespace res2clip
