#include "res2clip/compute/parallel.hpp"

#include <atomic>
#include <gmock/gmock.h>
#include <stdexcept>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include "res2clip/compute/workers.hpp"

namespace res2clip {
namespace {

TEST(ParallelForEach, ThrowsTheFirstFailureByIndexAfterAllOthersAreDone) {
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 5}) {
    at::set_num_threads(count);
    std::vector<int> done(100, 0);
    std::string message;
    try {
      parallel_for_each(done.size(), [&](std::size_t i) {
        if (i == 7 || i == 3 || i == 93) throw std::runtime_error(std::to_string(i));
        done[i] = 1;
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    EXPECT_EQ(message, "3") << count << " threads";
    EXPECT_EQ(std::count(done.begin(), done.end(), 1), 97) << count << " threads";
  }
  at::set_num_threads(threads);
}

TEST(ParallelForEach, DoesNothingForNone) {
  parallel_for_each(0, [](std::size_t) { FAIL(); });
}

TEST(Workers, BeginTasksInTheirOrderAndHandOverResultsAndFailures) {
  Workers workers(1);
  std::vector<int> order;
  std::vector<std::future<int>> results;
  for (int i = 0; i < 20; ++i)
    results.push_back(workers.submit([i, &order] {
      order.push_back(i);
      if (i == 5) throw std::runtime_error("five");
      return i * i;
    }));
  for (int i = 0; i < 20; ++i) {
    auto& result = results[static_cast<std::size_t>(i)];
    if (i == 5)
      EXPECT_THROW(result.get(), std::runtime_error);
    else
      EXPECT_EQ(result.get(), i * i);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Workers, UseOneThreadWithinATaskAndLeaveTheOthersTheirs) {
  const int threads = at::get_num_threads();
  at::set_num_threads(4);
  Workers workers(2);
  const auto parts_of_a_loop = [] {
    std::atomic<int> parts{0};
    at::parallel_for(0, 1000, 1, [&](std::int64_t, std::int64_t) { ++parts; });
    return parts.load();
  };
  EXPECT_EQ(workers.submit(parts_of_a_loop).get(), 1);
  EXPECT_EQ(parts_of_a_loop(), 4);
  EXPECT_EQ(Workers().size(), 4U);
  at::set_num_threads(threads);
}

TEST(Workers, EndWithTheTasksThatWereBegun) {
  std::promise<void> begun, may_end;
  std::future<int> first, second;
  bool ended = false;
  std::thread ender;
  {
    Workers workers(1);
    first = workers.submit([&] {
      begun.set_value();
      may_end.get_future().wait();
      ended = true;
      return 1;
    });
    second = workers.submit([] { return 2; });
    begun.get_future().wait();
    ender = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      may_end.set_value();
    });
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(first.get(), 1);
  EXPECT_THROW(second.get(), std::future_error);
  ender.join();
}

}  // namespace
}  // namespace res2clip
