#include "signs.hpp"

#include <gtest/gtest.h>

namespace res2clip {
namespace {

using std::chrono::minutes;
const Signs::Time kBegin{};

TEST(Sign, IsReadAsItWasWritten) {
  const Sign sign = sign_from(as_text({12, 345, true}));
  EXPECT_EQ(sign.beat, 12U);
  EXPECT_EQ(sign.progress, 345U);
  EXPECT_TRUE(sign.waiting);
  EXPECT_EQ(sign_from("nonsense").beat, 0U);
}

TEST(Signs, OneThatWorksOnIsNoStandstill) {
  Signs signs(3, kBegin);
  for (int minute = 1; minute <= 60; ++minute) {
    const auto now = kBegin + minutes(minute);
    const auto beat = static_cast<std::uint64_t>(minute);
    signs.take(0, {beat, 1, true}, now);
    signs.take(1, {beat, beat, false}, now);
    signs.take(2, {beat, 7, true}, now);
  }
  EXPECT_EQ(signs.longest(0, kBegin + minutes(60)).since, minutes(0));
}

TEST(Signs, OneThatGivesNoSignStandsStillWhateverItDidBefore) {
  for (const bool waiting : {true, false}) {
    Signs signs(3, kBegin);
    signs.take(1, {1, 1, waiting}, kBegin + minutes(1));
    signs.take(2, {9, 9, false}, kBegin + minutes(8));
    const Standstill found = signs.longest(0, kBegin + minutes(9));
    EXPECT_EQ(found.rank, 1) << waiting;
    EXPECT_EQ(found.since, minutes(8)) << waiting;
  }
}

TEST(Signs, OneThatLivesButWorksWithoutProgressStandsStill) {
  Signs signs(2, kBegin);
  signs.take(1, {1, 5, false}, kBegin + minutes(2));
  signs.take(1, {2, 5, false}, kBegin + minutes(10));
  const Standstill found = signs.longest(0, kBegin + minutes(10));
  EXPECT_EQ(found.rank, 1);
  EXPECT_EQ(found.since, minutes(8));
}

TEST(Signs, AllThatWaitForEachOtherStandStillTogether) {
  Signs signs(2, kBegin);
  signs.take(0, {1, 1, true}, kBegin + minutes(1));
  signs.take(1, {1, 1, true}, kBegin + minutes(3));
  signs.take(1, {2, 1, true}, kBegin + minutes(9));
  const Standstill found = signs.longest(0, kBegin + minutes(9));
  EXPECT_EQ(found.rank, -1);
  EXPECT_EQ(found.since, minutes(6));
}

}  // namespace
}  // namespace res2clip
