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
  EXPECT_EQ(results_table(result),
            "class       I-AUROC     I-AP     I-F1  P-AUROC     P-AP     P-F1    AUPRO\n"
            "-------------------------------------------------------------------------\n"
            "leather       100.0     95.6     95.6     95.6     95.6     95.6     95.6\n"
            "größe          95.6     95.6     95.6     95.6     95.6     95.6        -\n"
            "-------------------------------------------------------------------------\n"
            "mean           97.8     95.6     95.6     95.6     95.6     95.6     95.6\n"
            "not of all classes: AUPRO (1 of 2)\n");
}

TEST(ResultsTable, StandsBesideThePaper) {
  auto result = example({"01", "02", "03"});
  result.paper.row = published_result("btad", false, 1);
  ASSERT_NE(result.paper.row, nullptr);
  const auto table = results_table(result);
  EXPECT_THAT(table, ::testing::HasSubstr(
                         "paper          95.5     94.8     89.7     97.6     63.0     61.3     82.8\n"
                         "  +-            0.7      2.1      1.9      0.3      1.4      1.3      0.7\n"
                         "difference     +0.1     +0.8    +5.9*    -2.0*   +32.6*   +34.3*   +12.8*\n"
                         "* further from the paper than its standard deviation over three runs\n"));
}

TEST(ResultsTable, SaysWhyItDoesNotStandBesideThePaper) {
  auto result = example({"01", "02", "03"});
  result.paper.why_not = "images are 224 px, the paper's 518 px";
  EXPECT_THAT(results_table(result),
              ::testing::EndsWith("not compared with the paper: images are 224 px, the paper's 518 px\n"));
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

/// A run that the paper has a row for, until something of it is changed.
ComparedRun papers_run() {
  ComparedRun run;
  run.dataset = "meta";
  run.categories = {"03", "01", "02"};
  run.normal_images = 451;
  run.anomalous_images = 290;
  run.shots = 2;
  run.image_size = 518;
  return run;
}

TEST(CompareWithPaper, GivesTheRowOfTheSameDataWhateverTheyAreCalled) {
  EXPECT_EQ(compare_with_paper(papers_run()).row, published_result("btad", false, 2));
  ComparedRun run = papers_run();
  run.fine_tuned = true;
  EXPECT_EQ(compare_with_paper(run).row, published_result("btad", true, 2));
  run.trained_on = {"bottle",   "cable",      "capsule",    "carpet", "grid",
                    "hazelnut", "leather",    "metal_nut",  "pill",   "screw",
                    "tile",     "toothbrush", "transistor", "wood",   "zipper"};
  EXPECT_EQ(compare_with_paper(run).row, published_result("btad", true, 2));
}

TEST(CompareWithPaper, SaysWhatDiffers) {
  struct Case {
    void (*change)(ComparedRun&);
    const char* why;
  };
  for (const Case& one : {
           Case{[](ComparedRun& run) { run.normal_images = 450; },
                "450 normal and 290 anomalous test images, BTAD has 451"},
           Case{[](ComparedRun& run) { run.image_size = 336; }, "336 px"},
           Case{[](ComparedRun& run) { run.metrics = MetricMode::exact; }, "metrics.mode"},
           Case{[](ComparedRun& run) { run.shots = 3; }, "1, 2 and 4 shots"},
           Case{[](ComparedRun& run) { run.backbone_differs = "the backbone is another"; },
                "the backbone is another"},
           Case{[](ComparedRun& run) {
                  run.changed_settings = {"retrieval.gamma", "image.wide"};
                },
                "settings were changed: retrieval.gamma, image.wide"},
           Case{[](ComparedRun& run) { run.fine_tuned = true, run.trained_on = {"own"}; },
                "not trained on MVTec AD"},
           Case{[](ComparedRun& run) { run.categories.pop_back(), run.dataset = "btad"; },
                "not those of BTAD"},
       }) {
    ComparedRun run = papers_run();
    one.change(run);
    const PaperComparison comparison = compare_with_paper(run);
    EXPECT_EQ(comparison.row, nullptr) << one.why;
    EXPECT_THAT(comparison.why_not, ::testing::HasSubstr(one.why));
  }
}

TEST(CompareWithPaper, HasNothingToSayOfOtherData) {
  ComparedRun run = papers_run();
  run.dataset = "folder";
  run.categories = {"housing"};
  EXPECT_EQ(compare_with_paper(run).row, nullptr);
  EXPECT_EQ(compare_with_paper(run).why_not, "");
}

TEST(PapersBackbone, IsToldBySizesAndByAKnownChecksum) {
  ModelCard card{.origin = {.verified = true},
                 .sizes = {.embed_dim = 768,
                           .native_size = 336,
                           .patch_size = 14,
                           .vision_width = 1024,
                           .vision_layers = 24,
                           .text_width = 768},
                 .encoder = {.vv_blocks = 19}};
  EXPECT_EQ(differs_from_papers_backbone(card, 19), "");
  EXPECT_THAT(differs_from_papers_backbone(card, 20), ::testing::HasSubstr("19 V-V blocks, not 20"));
  card.origin.verified = false;
  EXPECT_THAT(differs_from_papers_backbone(card, 19), ::testing::HasSubstr("not known to be OpenAI's"));
  card.sizes.native_size = 224;
  EXPECT_THAT(differs_from_papers_backbone(card, 19), ::testing::HasSubstr("not a ViT-L/14@336px"));
}

}  // namespace
}  // namespace res2clip
