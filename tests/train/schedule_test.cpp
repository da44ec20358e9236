#include "res2clip/train/schedule.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

// Rates are computed in double on both sides.
constexpr double kRateTolerance = 1e-12;

void expect_recorded_rates(const nlohmann::json& run) {
  const std::int64_t steps = run["steps_per_epoch"];
  const StepTotals totals = step_totals(steps, run["epochs"], true);
  const Schedule visual{run["lr_v"], steps, totals.visual_and_text};
  const Schedule residual_visual{run["lr_v"], steps, totals.residual_visual};
  const Schedule residual_text{run["lr_t"], steps, totals.residual_text};
  const Schedule text{run["lr_t"], steps, totals.visual_and_text};
  std::int64_t visual_steps = 0;
  std::int64_t text_steps = 0;
  for (const auto& step : run["steps"]) {
    const auto& rates = step["lr"];
    const std::int64_t number = step["step"];
    EXPECT_NEAR(visual.rate(number), rates["vis"].get<double>(), kRateTolerance) << number;
    EXPECT_NEAR(text.rate(number), rates["text"].get<double>(), kRateTolerance) << number;
    EXPECT_NEAR(residual_visual.rate(visual_steps), rates["res_vis"].get<double>(), kRateTolerance) << number;
    EXPECT_NEAR(residual_text.rate(text_steps), rates["res_text"].get<double>(), kRateTolerance) << number;
    const Phase phase = phase_of(step["epoch"], true);
    EXPECT_EQ(phase == Phase::visual ? "visual" : "text", step["phase"].get<std::string>());
    ++(phase == Phase::visual ? visual_steps : text_steps);
  }
}

TEST(Schedule, GivesTheRatesOfARecordedRun) {
  expect_recorded_rates(testing::read_json(testing::test_data("generated/training_tiny.json")));
}

TEST(Schedule, GivesTheRatesOfALongerRecordedRun) {
  const auto folder = testing::full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_recorded_rates(testing::read_json(*folder / "training_tiny.json"));
}

TEST(Schedule, RisesInALineAndFallsInHalfACosine) {
  const Schedule schedule{1.0, 10, 110};
  EXPECT_EQ(schedule.rate(0), 0.0);
  EXPECT_DOUBLE_EQ(schedule.rate(5), 0.5);
  EXPECT_DOUBLE_EQ(schedule.rate(10), 1.0);
  EXPECT_NEAR(schedule.rate(60), 0.5, 1e-15);
  EXPECT_NEAR(schedule.rate(110), 0.0, 1e-15);
}

TEST(Schedule, WithoutWarmUpStartsAtTheTop) {
  EXPECT_EQ((Schedule{0.1, 0, 10}.rate(0)), 0.1);
}

TEST(StepTotals, CountOnlyTheStepsInWhichAnOptimiserRuns) {
  const StepTotals odd = step_totals(7, 5, true);
  EXPECT_EQ(odd.visual_and_text, 35);
  EXPECT_EQ(odd.residual_visual, 21);
  EXPECT_EQ(odd.residual_text, 14);
  EXPECT_EQ(step_totals(7, 1, true).residual_text, 7);
  EXPECT_EQ(step_totals(7, 4, false).residual_text, 28);
}

}  // namespace
}  // namespace res2clip
