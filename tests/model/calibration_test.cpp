#include "res2clip/model/calibration.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"

#include "support/fails.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

TEST(ConformalThreshold, IsTheScoreOfTheRankThatTheRateAsksFor) {
  std::vector<double> scores;
  for (int i = 19; i >= 1; --i) scores.push_back(i);
  EXPECT_EQ(conformal_threshold(scores, 0.05), 19);  // ceil(20 * 0.95)
  EXPECT_EQ(conformal_threshold(scores, 0.10), 18);
  EXPECT_EQ(conformal_threshold(scores, 0.50), 10);
  EXPECT_EQ(conformal_threshold(scores, 0.001), 19) << "no more than the largest can be had";
}

TEST(ConformalThreshold, IsExceededAsOftenAsPromised) {
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  int exceeded = 0;
  constexpr int kDraws = 20000;
  for (int draw = 0; draw < kDraws; ++draw) {
    std::vector<double> scores(9);
    for (double& score : scores) score = normal(generator);
    exceeded += normal(generator) > conformal_threshold(scores, 0.2) ? 1 : 0;
  }
  EXPECT_EQ(false_alarm_rate(9, 1).promised, 0.2);
  // Four standard deviations of a share of so many draws.
  EXPECT_NEAR(static_cast<double>(exceeded) / kDraws, 0.2, 4 * std::sqrt(0.2 * 0.8 / kDraws));
}

TEST(ConformalThreshold, NeedsScoresAndARate) {
  EXPECT_THAT([] { conformal_threshold({}, 0.05); }, Fails(ErrorKind::settings, HasSubstr("scores")));
  for (const double rate : {0.0, 1.0, -1.0, std::nan("")})
    EXPECT_THAT([&] { conformal_threshold({1.0}, rate); },
                Fails(ErrorKind::settings, HasSubstr("between 0 and 1")));
}

TEST(FalseAlarmRates, LieWhereOrderStatisticsSay) {
  // The largest of n: the rate is Beta(1, n), whose quantile q is 1 - (1 - q)^(1 / n).
  const FalseAlarmRate largest = false_alarm_rate(20, 0);
  EXPECT_NEAR(largest.promised, 1.0 / 21, 1e-12);
  EXPECT_NEAR(largest.low, 1 - std::pow(0.95, 1.0 / 20), 1e-9);
  EXPECT_NEAR(largest.high, 1 - std::pow(0.05, 1.0 / 20), 1e-9);
  // The smallest of n: Beta(n, 1), quantile q^(1 / n).
  const FalseAlarmRate smallest = false_alarm_rate(5, 4);
  EXPECT_NEAR(smallest.low, std::pow(0.05, 0.2), 1e-9);
  EXPECT_NEAR(smallest.high, std::pow(0.95, 0.2), 1e-9);
}

TEST(OddOnes, AreThoseFarAboveTheOthersAlone) {
  const std::vector<double> scores = {0.71, 0.68, 1.37, 0.77, 0.85, 0.72, 0.81};
  EXPECT_EQ(odd_ones(scores), std::vector<std::size_t>{2});
  EXPECT_TRUE(odd_ones(std::vector<double>{0.71, 0.68, 0.20, 0.77, 0.85, 0.72, 0.81}).empty())
      << "low is not odd";
  EXPECT_TRUE(odd_ones(std::vector<double>{0.1, 9.0}).empty());
}

TEST(Calibrations, AreTheSameAfterTheirText) {
  Calibration calibration;
  calibration.threshold = 0.1 + 0.2;  // all digits
  calibration.false_alarm_rate = 0.125;
  calibration.map_low = -0.25;
  calibration.map_threshold = 1.0 / 3;
  calibration.familiarity = {12, 0.1, 0.2, 0.3};
  calibration.references = {{0, 0.5, 1.5}, {3, 0.25, 2.5}};
  calibration.settings = {{"scoring", "{\"mode\":\"auto\"}"}, {"checkpoint", ""}};
  const Calibration again = calibration_of(to_text(calibration));
  EXPECT_EQ(again.threshold, calibration.threshold);
  EXPECT_EQ(again.false_alarm_rate, 0.125);
  EXPECT_EQ(again.map_low, -0.25);
  EXPECT_EQ(again.map_threshold, calibration.map_threshold);
  EXPECT_EQ(again.familiarity.layer, 12);
  EXPECT_EQ(again.familiarity.neighbour, 0.1);
  EXPECT_EQ(again.familiarity.most_strange, 0.2);
  EXPECT_EQ(again.familiarity.most_missing, 0.3);
  ASSERT_EQ(again.references.size(), 2U);
  EXPECT_EQ(again.references[1].shot, 3);
  EXPECT_EQ(again.references[1].score, 0.25);
  EXPECT_EQ(again.references[1].peak, 2.5);
  EXPECT_EQ(again.settings, calibration.settings);
  for (const char* text : {"", "{}", "[1]", "{\"threshold\":\"high\"}"})
    EXPECT_THAT([&] { calibration_of(text); }, Fails(ErrorKind::data, HasSubstr("make the bank again")));
}

}  // namespace
}  // namespace res2clip
