#include "res2clip/compute/in_order.hpp"

#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "res2clip/compute/stage_times.hpp"
#include "res2clip/compute/workers.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::future<InOrder::Rest> done_task(InOrder::Rest rest) {
  std::promise<InOrder::Rest> task;
  task.set_value(std::move(rest));
  return task.get_future();
}

TEST(InOrder, DoesTheRestOfEachTaskInTheOrderOfTheList) {
  Workers workers(4);
  std::vector<int> order;
  {
    InOrder in_order(7);
    for (int i = 0; i < 100; ++i) {
      in_order.wait_for_room();
      in_order.add(workers.submit([i, &order]() -> InOrder::Rest {
        std::this_thread::sleep_for(std::chrono::microseconds((i * 7919) % 500));
        return [i, &order] { order.push_back(i); };
      }));
    }
    in_order.finish();
    EXPECT_EQ(order.size(), 100U);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(InOrder, DoesARestAsSoonAsThoseBeforeItAreDone) {
  InOrder in_order(4);
  std::promise<InOrder::Rest> second;
  std::promise<void> first_done;
  in_order.add(done_task([&] { first_done.set_value(); }));
  in_order.add(second.get_future());
  first_done.get_future().wait();  // though the second is still under way
  second.set_value([] {});
  in_order.finish();
}

TEST(InOrder, HoldsNoMoreTasksThanItMay) {
  InOrder in_order(2);
  std::promise<InOrder::Rest> first, second;
  in_order.add(first.get_future());
  in_order.wait_for_room();
  in_order.add(second.get_future());
  std::atomic<bool> room{false};
  std::thread waiter([&] {
    in_order.wait_for_room();
    room = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(room);
  second.set_value([] {});  // done, but its turn has not come: it still counts
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(room);
  first.set_value([] {});
  waiter.join();
  EXPECT_TRUE(room);
  in_order.finish();
}

TEST(InOrder, EndsWithTheFirstFailureOfATaskOrItsRest) {
  for (const bool in_task : {true, false}) {
    InOrder in_order(10);
    std::vector<int> order;
    const auto fail = [] { throw std::runtime_error("third"); };
    for (int i = 0; i < 6; ++i) {
      if (i == 2 && in_task) {
        std::promise<InOrder::Rest> broken;
        broken.set_exception(std::make_exception_ptr(std::runtime_error("third")));
        in_order.add(broken.get_future());
      } else {
        in_order.add(done_task([&, i] { i == 2 ? fail() : order.push_back(i); }));
      }
    }
    EXPECT_THROW(in_order.finish(), std::runtime_error);
    EXPECT_THROW(in_order.wait_for_room(), std::runtime_error);
    EXPECT_THAT(order, ElementsAre(0, 1));
  }
}

TEST(InOrder, DoesWhatIsLeftWhenItEnds) {
  std::vector<int> order;
  {
    InOrder in_order(10);
    for (int i = 0; i < 4; ++i) in_order.add(done_task([&, i] { order.push_back(i); }));
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST(StageTable, TellsBusyAndWaitingSecondsOfAllThreads) {
  const auto lines = stage_table({{"read", 4, 6.0}, {"print", 1, 0.5}}, 2.0);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[1], HasSubstr("read"));
  EXPECT_THAT(lines[1], ::testing::ContainsRegex("4 +6\\.00 +2\\.00 +75%"));
  EXPECT_THAT(lines[2], ::testing::ContainsRegex("1 +0\\.50 +1\\.50 +25%"));
}

TEST(StageClock, AddsUpTheTimesOfSeveralThreads) {
  StageClock clock;
  const auto work = [&] {
    const StageClock::Busy busy(clock);
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_GE(clock.seconds(), 0.03);
}

}  // namespace
}  // namespace res2clip
