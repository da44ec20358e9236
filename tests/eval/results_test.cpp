#include "res2clip/eval/results.hpp"

#include <filesystem>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/version.hpp"

#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

ClassResult class_with(const std::string& category, double first) {
  ClassResult result;
  result.category = category;
  result.references = {category + "/train/good/000.png"};
  result.metrics.images = 2;
  result.metrics.anomalous_images = 1;
  for (std::size_t i = 0; i < kMetricCount; ++i)
    result.metrics.figures[i] = Figure::of(first + 0.0625 * static_cast<double>(i));
  result.images = {
      {category + "/test/good/000.png", false, 0.5f, 0.25f, 0.125f, 0.125f, ""},
      {category + "/test/cut, deep/\"1\".png", true, 1.1f, 0.1f, 1.0f, 0.0f, "masks/1, deep.png"}};
  return result;
}

EvaluationResult example() {
  EvaluationResult result;
  result.metrics.mode = MetricMode::exact;
  result.classes = {class_with("coin", 0.5), class_with("weave", 0.25)};
  result.classes[1].metrics[Metric::aupro] = Figure::none("no anomalous pixel in any mask");
  result.mean = mean_over_classes(std::vector{result.classes[0].metrics, result.classes[1].metrics});
  return result;
}

Provenance provenance() {
  Provenance made_with;
  made_with.dataset = "folder";
  made_with.data_root = "/data/own";
  made_with.shots = 1;
  describe_backbone(made_with, {.origin = {.name = "tiny.pt", .sha256 = "12ab", .verified = true}}, "cd34");
  return made_with;
}

TEST(ResultsCsv, HasARowPerClassAndTheMeanAndEmptyCellsWhereThereIsNoFigure) {
  EXPECT_EQ(results_csv(example()),
            "class,I-AUROC,I-AP,I-F1,P-AUROC,P-AP,P-F1,AUPRO\n"
            "coin,0.5,0.5625,0.625,0.6875,0.75,0.8125,0.875\n"
            "weave,0.25,0.3125,0.375,0.4375,0.5,0.5625,\n"
            "mean,0.375,0.4375,0.5,0.5625,0.625,0.6875,0.875\n");
}

TEST(ScoresCsv, HasARowPerImageAndQuotesPathsThatNeedIt) {
  EXPECT_EQ(scores_csv(example()),
            "path,class,label,score,text,visual,residual,mask\n"
            "coin/test/good/000.png,coin,0,0.5,0.25,0.125,0.125,\n"
            "\"coin/test/cut, deep/\"\"1\"\".png\",coin,1,1.1,0.1,1,0,\"masks/1, deep.png\"\n"
            "weave/test/good/000.png,weave,0,0.5,0.25,0.125,0.125,\n"
            "\"weave/test/cut, deep/\"\"1\"\".png\",weave,1,1.1,0.1,1,0,\"masks/1, deep.png\"\n");
}

TEST(ResultsJson, HoldsFiguresReasonsProvenanceAndSettings) {
  const auto json =
      nlohmann::json::parse(results_json(example(), provenance(), {{"image", {{"size", 518}}}}));
  EXPECT_EQ(json["metric_mode"], "exact");
  EXPECT_EQ(json["classes"]["coin"]["metrics"]["I-AP"], 0.5625);
  EXPECT_EQ(json["classes"]["coin"]["references"][0], "coin/train/good/000.png");
  EXPECT_FALSE(json["classes"]["coin"].contains("reasons"));
  EXPECT_TRUE(json["classes"]["weave"]["metrics"]["AUPRO"].is_null());
  EXPECT_EQ(json["classes"]["weave"]["reasons"]["AUPRO"], "no anomalous pixel in any mask");
  EXPECT_EQ(json["mean"]["metrics"]["AUPRO"], 0.875);
  EXPECT_EQ(json["mean"]["classes_counted"]["AUPRO"], 1);
  EXPECT_EQ(json["mean"]["classes"], 2);
  EXPECT_EQ(json["provenance"]["version"], version());
  EXPECT_EQ(json["provenance"]["mode"], "training_free");
  EXPECT_EQ(json["provenance"]["backbone"]["checksum"], "cd34");
  EXPECT_TRUE(json["provenance"]["backbone"]["weights_named_by_their_card"].is_null());
  EXPECT_TRUE(json["provenance"]["checkpoint"].is_null());
  EXPECT_EQ(json["settings"]["image"]["size"], 518);
  EXPECT_FALSE(json.contains("published"));
}

TEST(ResultsJson, NamesTheCheckpointOfAFineTunedRun) {
  auto made_with = provenance();
  made_with.fine_tuned = true;
  made_with.checkpoint = "run/checkpoint.pth";
  made_with.checkpoint_sha256 = "ef56";
  const auto json = nlohmann::json::parse(results_json(example(), made_with, {}));
  EXPECT_EQ(json["provenance"]["mode"], "fine_tuned");
  EXPECT_EQ(json["provenance"]["checkpoint"]["path"], "run/checkpoint.pth");
  EXPECT_EQ(json["provenance"]["checkpoint"]["sha256"], "ef56");
}

TEST(ResultsJson, StatesTheDifferenceToThePaperForAWholeDataSet) {
  EvaluationResult result;
  for (const char* category : {"01", "02", "03"}) result.classes.push_back(class_with(category, 0.5));
  result.mean = mean_over_classes(
      std::vector{result.classes[0].metrics, result.classes[1].metrics, result.classes[2].metrics});
  result.paper.row = published_result("btad", false, 1);
  const auto json = nlohmann::json::parse(results_json(result, provenance(), {}));
  EXPECT_EQ(json["published"]["metrics"]["I-AUROC"]["mean"], 95.5);
  EXPECT_NEAR(json["published"]["metrics"]["I-AUROC"]["difference"].get<double>(), -45.5, 1e-9);
}

TEST(ResultsJson, HoldsRemarksAndWhatWasLeftOut) {
  auto result = example();
  result.remarks = {"part: 2 of 4 masks are empty"};
  result.left_out = {"part/test/good/1.png: is truncated"};
  result.paper.why_not = "images are 224 px";
  const auto json = nlohmann::json::parse(results_json(result, provenance(), {}));
  EXPECT_EQ(json["remarks"], nlohmann::json(result.remarks));
  EXPECT_EQ(json["left_out"], nlohmann::json(result.left_out));
  EXPECT_EQ(json["not_compared_with_the_paper"], "images are 224 px");
}

TEST(ResultsJson, APathThatIsNotUtf8IsNoError) {
  auto result = example();
  result.classes[0].references = {"caf\xE9.png"};
  EXPECT_NO_THROW(nlohmann::json::parse(results_json(result, provenance(), {})));
}

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  return names;
}

TEST(WriteResults, MakesTheFolderAndItsFiveFiles) {
  const testing::TemporaryFolder folder;
  const Path target = folder / "runs/one";
  write_results(target, example(), provenance(), {}, "image:\n  size: 518\n", "{}\n");
  EXPECT_THAT(names_in(target), UnorderedElementsAre("results.json", "results.csv", "scores.csv",
                                                     "settings.yaml", "references.json"));
  EXPECT_EQ(read_file(target / "references.json"), "{}\n");
  EXPECT_EQ(read_file(target / "settings.yaml"), "image:\n  size: 518\n");
  EXPECT_EQ(read_file(target / "scores.csv"), scores_csv(example()));
  EXPECT_EQ(read_file(target / "results.json"), results_json(example(), provenance(), {}));
}

TEST(WriteResults, AFailureLeavesNoResultsJsonAndNoPartOfAFile) {
  const testing::TemporaryFolder folder;
  write_results(folder.path(), example(), provenance(), {}, "", "{}\n");
  std::filesystem::remove(folder / "scores.csv");
  std::filesystem::create_directory(folder / "scores.csv");  // cannot be replaced by a file
  EXPECT_THAT([&] { write_results(folder.path(), example(), provenance(), {}, "new", "{}\n"); },
              Fails(ErrorKind::runtime, HasSubstr("scores.csv")));
  EXPECT_THAT(names_in(folder.path()),
              UnorderedElementsAre("results.csv", "scores.csv", "settings.yaml", "references.json"));
}

TEST(WriteResults, ReferencesThatCannotBeWrittenLeaveNoResultsJson) {
  const testing::TemporaryFolder folder;
  write_results(folder.path(), example(), provenance(), {}, "", "{}\n");
  std::filesystem::remove(folder / "references.json");
  std::filesystem::create_directory(folder / "references.json");
  EXPECT_THAT([&] { write_results(folder.path(), example(), provenance(), {}, "", "{}\n"); },
              Fails(ErrorKind::runtime, HasSubstr("references.json")));
  EXPECT_FALSE(std::filesystem::exists(folder / "results.json"));
}

}  // namespace
}  // namespace res2clip
