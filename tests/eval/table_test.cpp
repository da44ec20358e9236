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

/// Rows of one table, or of all if none is named.
std::vector<const PublishedResult*> rows_of(std::string_view source, std::string_view method = {}) {
  std::vector<const PublishedResult*> rows;
  for (const PublishedResult& row : published_rows())
    if ((source.empty() || row.source == source) && (method.empty() || row.method == method))
      rows.push_back(&row);
  return rows;
}

TEST(Published, HoldsEveryRowOfEveryTable) {
  EXPECT_EQ(rows_of("Table 1").size(), 126U);  // 7 methods, 5 data sets and their average, 3 numbers of shots
  EXPECT_EQ(rows_of("Table 2").size(), 40U);   // 10 combinations, 3 data sets and their average
  EXPECT_EQ(rows_of("Table 3").size(), 6U);
  EXPECT_EQ(rows_of("Table 4").size(), 6U);
  for (const char* table : {"Table 6", "Table 7", "Table 8", "Table 9", "Table 10"}) {
    EXPECT_EQ(rows_of(table).size(), 21U) << table;
    for (const PublishedResult* row : rows_of(table))
      for (const auto& figure : row->figures) EXPECT_TRUE(figure && figure->deviation) << row->method;
  }
  EXPECT_EQ(rows_of("Table 11").size(), 9U);
  EXPECT_EQ(rows_of("Table 12").size(), 6U);
  for (const PublishedResult& row : published_rows())
    for (const auto& figure : row.figures)
      EXPECT_TRUE(!figure || (figure->mean > 0 && figure->mean < 100)) << row.source;
}

TEST(Published, HoldsFiveDataSetsInTwoModesWithThreeNumbersOfShots) {
  EXPECT_EQ(published_datasets().size(), 5U);
  for (const PublishedDataset& dataset : published_datasets())
    for (const bool fine_tuned : {false, true})
      for (const std::int64_t shots : {1, 2, 4})
        EXPECT_NE(published_result(dataset.name, fine_tuned, shots), nullptr) << dataset.name;
  EXPECT_EQ(published_result("mvtec", false, 3), nullptr);
  EXPECT_EQ(published_result("average", false, 1), nullptr);
}

// The tables say the same thing twice: Table 1 repeats three metrics of Tables 6 to 10 and averages them over
// the data sets. It contradicts Table 10 once, and its average agrees with that.
TEST(Published, MainTableAgreesWithTheFullOnes) {
  constexpr double kRounding = 0.05 + 1e-9;
  int contradictions = 0;
  for (const PublishedResult* row : rows_of("Table 1")) {
    double sum[kMetricCount] = {};
    for (const PublishedResult& full : published_rows()) {
      if (!full[Metric::image_ap] || full.method != row->method || full.fine_tuned != row->fine_tuned ||
          full.shots != row->shots)
        continue;
      for (const Metric metric : {Metric::image_auroc, Metric::pixel_ap, Metric::aupro}) {
        sum[static_cast<std::size_t>(metric)] += full[metric]->mean;
        if (full.dataset == row->dataset && full[metric]->mean != (*row)[metric]->mean) {
          ++contradictions;
          EXPECT_FALSE(row->note.empty()) << row->dataset << row->method;
        }
      }
    }
    if (row->dataset != "average") continue;
    for (const Metric metric : {Metric::image_auroc, Metric::pixel_ap, Metric::aupro})
      EXPECT_NEAR(sum[static_cast<std::size_t>(metric)] / 5.0, (*row)[metric]->mean, kRounding)
          << row->method << " " << row->shots;
  }
  EXPECT_EQ(contradictions, 1);
}

// Table 2's averages are those of its three data sets, and Tables 3 and 11 repeat columns of it.
TEST(Published, AblationsAgreeWithEachOther) {
  constexpr double kRounding = 0.051;
  for (const PublishedResult* average : rows_of("Table 2")) {
    if (average->dataset != "average") continue;
    for (const Metric metric : {Metric::image_auroc, Metric::pixel_ap, Metric::aupro}) {
      double sum = 0;
      for (const char* dataset : {"mvtec", "visa", "btad"})
        sum +=
            (*published_ablation({"Table 2", average->setting}, dataset, average->fine_tuned))[metric]->mean;
      EXPECT_NEAR(sum / 3.0, (*average)[metric]->mean, kRounding) << average->setting;
    }
  }
  for (const char* dataset : {"mvtec", "visa", "btad"})
    for (const Metric metric : {Metric::image_auroc, Metric::pixel_ap, Metric::aupro}) {
      const auto value = [&](const char* source, const char* setting) {
        return (*published_ablation({source, setting}, dataset, false))[metric]->mean;
      };
      EXPECT_EQ(value("Table 2", "residual"), value("Table 3", "projection"));
      EXPECT_EQ(value("Table 2", "text"), value("Table 11", "residual"));
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

TEST(CompareWithPaper, GivesTheRowOfAnAblation) {
  ComparedRun run = papers_run();
  run.ablation = {"Table 3", "cosine"};
  EXPECT_THAT(compare_with_paper(run).why_not, ::testing::HasSubstr("1 shot"));
  run.shots = 1;
  const PaperComparison found = compare_with_paper(run);
  ASSERT_NE(found.row, nullptr);
  EXPECT_EQ((*found.row)[Metric::pixel_ap]->mean, 36.6);
  EXPECT_FALSE((*found.row)[Metric::pixel_ap]->deviation);
  EXPECT_FALSE((*found.row)[Metric::pixel_auroc]);
  run.ablation.setting = "sine";
  EXPECT_THAT(compare_with_paper(run).why_not, ::testing::HasSubstr("Table 3 has no row \"sine\" of BTAD"));
}

TEST(ResultsTable, StandsBesideAnAblationWithoutDeviations) {
  auto result = example({"01", "02", "03"});
  result.paper.row = published_ablation({"Table 3", "cosine"}, "btad", false);
  ASSERT_NE(result.paper.row, nullptr);
  EXPECT_THAT(
      results_table(result),
      ::testing::EndsWith("paper          87.1        -        -        -     36.6        -     75.1\n"
                          "  +-              -        -        -        -        -        -        -\n"
                          "difference     +8.5        -        -        -    +59.0        -    +20.5\n"));
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
           Case{[](ComparedRun& run) { run.metrics.mode = MetricMode::exact; }, "metrics.mode"},
           Case{[](ComparedRun& run) { run.metrics.pro_limit = 0.05; }, "metrics.pro_limit"},
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
