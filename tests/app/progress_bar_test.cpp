#include "progress_bar.hpp"

#include <gtest/gtest.h>

namespace res2clip {
namespace {

using Clock = TimeLeft::Clock;
constexpr Clock::time_point kBegin{};

Clock::time_point after(int seconds) {
  return kBegin + std::chrono::seconds(seconds);
}

TEST(TimeLeft, FollowsThePaceSinceTheFirstUpdate) {
  TimeLeft left;
  EXPECT_FALSE(left.seconds(0, 10, kBegin));
  EXPECT_DOUBLE_EQ(left.seconds(2, 10, after(4)).value(), 16.0);
  EXPECT_DOUBLE_EQ(left.seconds(10, 10, after(20)).value(), 0.0);
}

TEST(TimeLeft, DoesNotCountWhatWasDoneBeforeIt) {
  TimeLeft left;
  EXPECT_FALSE(left.seconds(901, 1000, kBegin));  // a run that was resumed near its end
  EXPECT_DOUBLE_EQ(left.seconds(911, 1000, after(20)).value(), 178.0);
}

TEST(TimeLeft, DoesNotCountTheTimeBeforeIt) {
  TimeLeft left;
  EXPECT_FALSE(left.seconds(0, 10, after(3600)));  // an hour of something else
  EXPECT_DOUBLE_EQ(left.seconds(5, 10, after(3605)).value(), 5.0);
}

TEST(ClockText, ShowsHoursWhereThereAreSome) {
  EXPECT_EQ(clock_text(7.4), "0:07");
  EXPECT_EQ(clock_text(750), "12:30");
  EXPECT_EQ(clock_text(3599.6), "1:00:00");
  EXPECT_EQ(clock_text(10929), "3:02:09");
}

}  // namespace
}  // namespace res2clip
