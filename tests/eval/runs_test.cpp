// Several evaluations over one encoding, and what is written of them.
#include "res2clip/eval/runs.hpp"

#include <cmath>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include <ATen/ops/equal.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/eval/results_folder.hpp"

#include "eval/made_up.hpp"
#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string all_files(const EvaluationResult& result) {
  return results_json(result, {}, {}) + results_csv(result) + scores_csv(result);
}

/// `count` training images of each class from number `first` on.
References references_from(const Dataset& dataset, std::size_t first, std::size_t count) {
  References references;
  for (const auto& [category, samples] : dataset.train)
    for (std::size_t i = first; i < first + count; ++i) references[category].push_back(samples[i].image);
  return references;
}

TEST(EvaluateRuns, GivesWhatEachRunGivesAloneAndAsksForEachImageOnce) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  const Detector detector = testing::made_up_detector();
  const std::vector<References> references = {references_from(dataset, 0, 1), references_from(dataset, 2, 1),
                                              references_from(dataset, 1, 3), references_from(dataset, 0, 1)};
  std::vector<EvaluationRun> runs;
  for (std::size_t i = 0; i < references.size(); ++i)
    runs.push_back({&detector, &references[i], {i == 3 ? MetricMode::exact : MetricMode::released}});
  testing::MadeUpFeatures shared;
  const auto results = evaluate_runs(dataset, runs, shared, {4, {}}, {}, testing::made_up_mask);
  ASSERT_THAT(results, SizeIs(4));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    testing::MadeUpFeatures own;
    const auto alone =
        evaluate(dataset, references[i], detector, own, {3, runs[i].metrics}, {}, testing::made_up_mask);
    EXPECT_EQ(all_files(results[i]), all_files(alone)) << "run " << i;
  }
  EXPECT_NE(all_files(results[0]), all_files(results[1]));
  std::vector<Path> asked;
  for (const auto& batch : shared.asked) asked.insert(asked.end(), batch.begin(), batch.end());
  EXPECT_THAT(asked,
              ::testing::UnorderedElementsAreArray(images_of(dataset, references_from(dataset, 0, 4))));
}

TEST(EvaluateRuns, TheListenerHearsWhichRunItIs) {
  const auto dataset = testing::made_up_dataset({"a", "b"});
  const Detector detector = testing::made_up_detector();
  const References one = references_from(dataset, 0, 1), other = references_from(dataset, 1, 1);
  std::vector<std::string> classes;
  std::vector<int> images(2);
  RunsListener listener;
  listener.class_done = [&](std::size_t run, const ClassResult& result) {
    classes.push_back(result.category + std::to_string(run));
  };
  listener.image_done = [&](std::size_t run, const Sample&, const at::Tensor&) { ++images[run]; };
  testing::MadeUpFeatures again;
  listener.branches_done = [&](std::size_t run, const Sample& sample, const BranchMaps& maps) {
    const ReferenceBank bank = detector.remember(again.of((run == 0 ? one : other).at(sample.category)));
    const Detection alone = detector.detect(again.of({{sample.image}}), bank);
    EXPECT_TRUE(at::equal(maps.text, alone.text_map[0]));
    EXPECT_TRUE(at::equal(maps.visual, alone.visual_map[0]));
    EXPECT_TRUE(at::equal(maps.residual, alone.residual_map[0]));
  };
  testing::MadeUpFeatures features;
  const std::vector<EvaluationRun> runs = {{&detector, &one, {}}, {&detector, &other, {}}};
  evaluate_runs(dataset, runs, features, {4, {}}, listener, testing::made_up_mask);
  EXPECT_THAT(classes, ::testing::ElementsAre("a0", "a1", "b0", "b1"));
  EXPECT_THAT(images, ::testing::ElementsAre(18, 18));
}

TEST(Joined, HasEachReferenceOnceInTheOrderOfTheRuns) {
  const References one = {{"a", {"1", "2"}}}, other = {{"a", {"2", "3"}}, {"b", {"4"}}};
  EXPECT_EQ(joined(std::vector{one, other}), (References{{"a", {"1", "2", "3"}}, {"b", {"4"}}}));
}

TEST(Spread, IsTheDeviationOfTheSample) {
  const std::vector<std::optional<double>> values = {0.25, 0.5, 1.0};
  const Spread spread = spread_of(values);
  EXPECT_NEAR(*spread.mean, 7.0 / 12.0, 1e-15);
  // Squares of -1/3, -1/12, 5/12 sum to 42/144; halved: 21/144.
  EXPECT_NEAR(*spread.deviation, std::sqrt(21.0) / 12.0, 1e-15);
}

TEST(Spread, NeedsEveryRunAndForTheDeviationTwo) {
  EXPECT_FALSE(spread_of(std::vector<std::optional<double>>{0.5, std::nullopt}).mean.has_value());
  const Spread alone = spread_of(std::vector<std::optional<double>>{0.5});
  EXPECT_EQ(alone.mean, 0.5);
  EXPECT_FALSE(alone.deviation.has_value());
}

EvaluationResult result_of(double value) {
  ClassResult one;
  one.category = "coin";
  for (auto& figure : one.metrics.figures) figure = Figure::of(value);
  one.metrics[Metric::aupro] = Figure::none("no anomalous pixel in any mask");
  EvaluationResult result;
  result.classes = {one};
  result.mean = mean_over_classes(std::vector{one.metrics});
  return result;
}

class RunsOfCoins : public ::testing::Test {
 protected:
  const EvaluationResult low_ = result_of(0.25), high_ = result_of(0.75), four_ = result_of(0.5);
  const std::vector<SeededRun> runs_ = {{1, 111, &low_}, {4, 111, &four_}, {1, 222, &high_}};
};

TEST_F(RunsOfCoins, AreSummedUpByShots) {
  EXPECT_EQ(runs_csv(summaries_of(runs_)),
            "shots,seed,class,I-AUROC,I-AP,I-F1,P-AUROC,P-AP,P-F1,AUPRO\n"
            "1,111,coin,0.25,0.25,0.25,0.25,0.25,0.25,\n"
            "1,111,mean,0.25,0.25,0.25,0.25,0.25,0.25,\n"
            "1,222,coin,0.75,0.75,0.75,0.75,0.75,0.75,\n"
            "1,222,mean,0.75,0.75,0.75,0.75,0.75,0.75,\n"
            "1,mean,coin,0.5,0.5,0.5,0.5,0.5,0.5,\n"
            "1,mean,mean,0.5,0.5,0.5,0.5,0.5,0.5,\n"
            "1,deviation,coin,0.3535533905932738,0.3535533905932738,0.3535533905932738,0.3535533905932738,"
            "0.3535533905932738,0.3535533905932738,\n"
            "1,deviation,mean,0.3535533905932738,0.3535533905932738,0.3535533905932738,0.3535533905932738,"
            "0.3535533905932738,0.3535533905932738,\n"
            "4,111,coin,0.5,0.5,0.5,0.5,0.5,0.5,\n"
            "4,111,mean,0.5,0.5,0.5,0.5,0.5,0.5,\n"
            "4,mean,coin,0.5,0.5,0.5,0.5,0.5,0.5,\n"
            "4,mean,mean,0.5,0.5,0.5,0.5,0.5,0.5,\n"
            "4,deviation,coin,,,,,,,\n"
            "4,deviation,mean,,,,,,,\n");
}

TEST_F(RunsOfCoins, HaveATableForEachNumberOfShots) {
  auto summaries = summaries_of(runs_);
  summaries[1].paper.why_not = "images are 224 px";
  EXPECT_EQ(runs_table(summaries),
            "1 shot      I-AUROC     I-AP     I-F1  P-AUROC     P-AP     P-F1    AUPRO\n"
            "-------------------------------------------------------------------------\n"
            "seed 111       25.0     25.0     25.0     25.0     25.0     25.0        -\n"
            "seed 222       75.0     75.0     75.0     75.0     75.0     75.0        -\n"
            "-------------------------------------------------------------------------\n"
            "mean           50.0     50.0     50.0     50.0     50.0     50.0        -\n"
            "  +-           35.4     35.4     35.4     35.4     35.4     35.4        -\n"
            "\n"
            "4 shots     I-AUROC     I-AP     I-F1  P-AUROC     P-AP     P-F1    AUPRO\n"
            "-------------------------------------------------------------------------\n"
            "seed 111       50.0     50.0     50.0     50.0     50.0     50.0        -\n"
            "-------------------------------------------------------------------------\n"
            "mean           50.0     50.0     50.0     50.0     50.0     50.0        -\n"
            "not compared with the paper: images are 224 px\n");
}

TEST_F(RunsOfCoins, StandBesideThePaper) {
  auto summaries = summaries_of(runs_);
  summaries[0].paper.row = published_result("btad", false, 1);
  EXPECT_THAT(runs_table(summaries),
              HasSubstr("paper          95.5     94.8     89.7     97.6     63.0     61.3     82.8\n"
                        "  +-            0.7      2.1      1.9      0.3      1.4      1.3      0.7\n"
                        "difference   -45.5*   -44.8*   -39.7*   -47.6*   -13.0*   -11.3*        -\n"));
  const auto json = nlohmann::json::parse(runs_json(summaries, {}));
  const auto& one = json["shots"][0];
  EXPECT_EQ(one["runs"][1], (nlohmann::json{{"seed", 222}, {"folder", "shots-1-seed-222"}}));
  EXPECT_EQ(one["mean"]["I-AUROC"]["mean"], 0.5);
  EXPECT_EQ(one["classes"]["coin"]["AUPRO"]["mean"], nullptr);
  EXPECT_EQ(one["published"]["metrics"]["I-AUROC"]["difference"], -45.5);
  EXPECT_EQ(json["shots"][1]["mean"]["I-AP"]["deviation"], nullptr);
}

Provenance made_with(const std::string& checksum) {
  Provenance provenance;
  provenance.dataset = "folder";
  provenance.data_root = "/data/own";
  provenance.backbone_checksum = checksum;
  return provenance;
}

nlohmann::ordered_json settings(int seed, int threads) {
  return {{"run", {{"seed", seed}, {"output", "somewhere"}}},
          {"compute", {{"threads", threads}, {"precision", "fp32"}}}};
}

TEST(ResultsFolder, TakesTheSameEvaluationAgainAndNoOther) {
  const testing::TemporaryFolder folder;
  const auto require = [&](const std::string& checksum, int seed, int threads) {
    require_no_other_results(folder.path(), made_with(checksum), settings(seed, threads));
  };
  EXPECT_NO_THROW(require("ab", 1, 1));
  write_results(folder.path(), result_of(0.5), made_with("ab"), settings(1, 1), "", "{}\n");
  EXPECT_NO_THROW(require("ab", 1, 1));
  EXPECT_NO_THROW(require("ab", 1, 8));
  EXPECT_THAT([&] { require("ab", 2, 1); },
              Fails(ErrorKind::settings, HasSubstr("run.seed is 1 there, 2 now")));
  EXPECT_THAT([&] { require("cd", 1, 1); },
              Fails(ErrorKind::settings, HasSubstr("backbone.checksum is \"ab\" there, \"cd\" now")));
  EXPECT_THAT([&] { require_no_single_result(folder.path()); },
              Fails(ErrorKind::settings, HasSubstr("a single run")));
  write_file(folder / "results.json", "{");
  EXPECT_THAT([&] { require("ab", 1, 1); }, Fails(ErrorKind::settings, HasSubstr("cannot be read")));
}

TEST(ResultsFolder, OfSeveralRunsTakesNoSingleOne) {
  const testing::TemporaryFolder folder;
  write_file(folder / "runs.json", "{}");
  EXPECT_NO_THROW(require_no_single_result(folder.path()));
  EXPECT_THAT([&] { require_no_other_results(folder.path(), made_with("ab"), settings(1, 1)); },
              Fails(ErrorKind::settings, HasSubstr("several runs")));
}

}  // namespace
}  // namespace res2clip
