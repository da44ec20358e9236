#include "res2clip/report/reported_run.hpp"

#include <filesystem>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "res2clip/core/files.hpp"
#include "res2clip/eval/results.hpp"

#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

void write_example(const Path& folder) {
  ClassResult one;
  one.category = "leather, \"brown\"";
  for (auto& figure : one.metrics.figures) figure = Figure::of(0.5);
  one.metrics[Metric::aupro] = Figure::none("no anomalous pixel");
  one.images = {{"a,\n\"b\".png", true, 1.25f, 0, 0, 0}, {"=c.png", false, -3e-5f, 0, 0, 0}};
  EvaluationResult result;
  result.mean = mean_over_classes(std::vector{one.metrics});
  result.classes.push_back(one);
  result.remarks = {"one & only"};
  result.paper.row = published_result("btad", false, 1);
  Provenance provenance;
  provenance.dataset = "btad";
  provenance.data_root = "/data";
  provenance.backbone_name = "ViT";
  write_results(folder, result, provenance, nlohmann::ordered_json::object(), "run: {}\n", "{}");
}

TEST(ReportedRun, IsWhatTheEvaluationWrote) {
  const testing::TemporaryFolder folder;
  write_example(folder / "first");
  const auto runs = read_reported_runs(std::vector<Path>{folder / "first"});
  ASSERT_EQ(runs.size(), 1U);
  const ReportedRun& run = runs[0];
  EXPECT_EQ(run.name, "first");
  EXPECT_EQ(run.data_root, "/data");
  EXPECT_EQ(run.mean[0], 0.5);
  EXPECT_FALSE(run.mean[6]);
  EXPECT_EQ(run.paper, "Table 8");
  EXPECT_EQ(run.published[0]->mean, 95.5);
  EXPECT_EQ(*run.published[0]->deviation, 0.7);
  ASSERT_EQ(run.classes.size(), 1U);
  EXPECT_EQ(run.classes[0].name, "leather, \"brown\"");
  ASSERT_EQ(run.classes[0].images.size(), 2U);
  EXPECT_EQ(run.classes[0].images[0].name, "a,\n\"b\".png");
  EXPECT_TRUE(run.classes[0].images[0].anomalous);
  EXPECT_EQ(run.classes[0].images[0].score, 1.25);
  EXPECT_EQ(run.classes[0].images[1].name, "=c.png");
  EXPECT_FLOAT_EQ(static_cast<float>(run.classes[0].images[1].score), -3e-5f);
  EXPECT_EQ(run.remarks, std::vector<std::string>{"one & only"});
  EXPECT_EQ(run.settings, "run: {}\n");
}

TEST(ReportedRun, MayBeOneOfSeveralInAFolder) {
  const testing::TemporaryFolder folder;
  write_example(folder / "shots-2");
  write_example(folder / "shots-1");
  std::filesystem::create_directories(folder / "other");
  const auto runs = read_reported_runs(std::vector<Path>{folder.path(), folder / "shots-1"});
  std::vector<std::string> names;
  for (const ReportedRun& run : runs) names.push_back(run.name);
  EXPECT_EQ(names, (std::vector<std::string>{"shots-1", "shots-2", "shots-1"}));
  write_example(folder / "visa/shots-1");
  const auto apart = read_reported_runs(std::vector<Path>{folder / "shots-1", folder / "visa"});
  EXPECT_EQ(apart[1].name, "visa/shots-1");
  EXPECT_EQ(apart[0].name, folder.path().filename().string() + "/shots-1");
}

TEST(ReportedRun, OfDamagedResultsIsAnErrorThatNamesTheFile) {
  const testing::TemporaryFolder folder;
  const std::vector<Path> run = {folder / "run"};
  EXPECT_THAT([&] { read_reported_runs(run); }, Fails(ErrorKind::data, HasSubstr("holds no results.json")));
  write_example(run[0]);
  const std::string scores = read_file(run[0] / "scores.csv"), results = read_file(run[0] / "results.json");
  for (const char* damaged :
       {"", "score\n", "path,class,label,score\nc.png,leather\n", "path,class,label,score\nc.png,x,0,1\n",
        "path,class,label,score\nc.png,\"leather, \"\"brown\"\"\",0,high\n"}) {
    write_file(run[0] / "scores.csv", damaged);
    EXPECT_THAT([&] { read_reported_runs(run); }, Fails(ErrorKind::data, HasSubstr("scores.csv"))) << damaged;
  }
  write_file(run[0] / "scores.csv", scores);
  write_file(run[0] / "results.json", results.substr(0, results.size() / 2));
  EXPECT_THAT([&] { read_reported_runs(run); }, Fails(ErrorKind::data, HasSubstr("results.json")));
}

}  // namespace
}  // namespace res2clip
