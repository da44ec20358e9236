#include "res2clip/settings/plan.hpp"

#include <gmock/gmock.h>

#include "support/fails.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Plan, IsEachRunWithEveryCombinationOfTheGrid) {
  const Plan plan = plan_of(
      "title: Two alignments\n"
      "set: {run.shots: 1}\n"
      "runs:\n"
      "  - {name: cosine, paper: [Table 3, cosine], set: {scoring.residual_alignment: cosine}}\n"
      "  - {name: plain}\n"
      "grid:\n"
      "  run.seed: [111, 222]\n"
      "  layers.visual: [[6, 12], [24]]\n",
      "plan.yaml");
  EXPECT_EQ(plan.title, "Two alignments");
  EXPECT_THAT(plan.keys, ElementsAre("scoring.residual_alignment", "run.seed", "layers.visual"));
  std::vector<std::string> names;
  for (const PlannedRun& run : plan.runs) names.push_back(run.name);
  EXPECT_THAT(names, ElementsAre("cosine,seed=111,visual=6,12", "cosine,seed=111,visual=24",
                                 "cosine,seed=222,visual=6,12", "cosine,seed=222,visual=24",
                                 "plain,seed=111,visual=6,12", "plain,seed=111,visual=24",
                                 "plain,seed=222,visual=6,12", "plain,seed=222,visual=24"));
  EXPECT_THAT(plan.runs[1].values,
              ElementsAre(Pair("run.shots", "1"), Pair("scoring.residual_alignment", "cosine"),
                          Pair("run.seed", "111"), Pair("layers.visual", "[24]")));
  EXPECT_THAT(plan.runs[1].own, ElementsAre("run.shots", "scoring.residual_alignment"));
  EXPECT_EQ(plan.runs[1].table, "Table 3");
  EXPECT_EQ(plan.runs[1].row, "cosine");
  EXPECT_EQ(plan.runs[4].table, "");
}

TEST(Plan, MayBeAGridAlone) {
  const Plan plan = plan_of("grid: {run.checkpoint: [a/one.pth, b/../two.pth]}", "plan.yaml");
  ASSERT_EQ(plan.runs.size(), 2U);
  EXPECT_EQ(plan.runs[1].name, "checkpoint=b-..-two.pth");
  EXPECT_THAT(plan.runs[1].values, ElementsAre(Pair("run.checkpoint", "b/../two.pth")));
}

TEST(Plan, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& one : {
           Case{"title: nothing", "plan.yaml: has neither runs nor a grid"},
           Case{"gird: {}", "plan.yaml:1: a plan has no 'gird'; known: title, set, runs or grid"},
           Case{"runs: []", "runs must be a list"},
           Case{"runs:\n  - {set: {}}", "plan.yaml:2: a run must have a name"},
           Case{"runs:\n  - {name: a}\n  - {name: a}", "two runs have the name a"},
           Case{"grid: {run.seed: 1}", "run.seed must be a list of values"},
           Case{"grid: {run.seed: [1], run.seed: [2]}", "stands here twice"},
           Case{"runs:\n  - {name: a, paper: Table 3}", "plan.yaml:2: paper is written as [Table 3, cosine]"},
           Case{"grid: {run.seed: [1, 2}", "is not YAML"},
           Case{"- 1", "a plan is written as key: value"},
       })
    EXPECT_THAT([&] { plan_of(one.text, "plan.yaml"); }, Fails(ErrorKind::settings, HasSubstr(one.message)))
        << one.text;
  EXPECT_THAT([] { read_plan("nowhere.yaml"); }, Fails(ErrorKind::settings, HasSubstr("nowhere.yaml")));
}

}  // namespace
}  // namespace res2clip
