#include "decoding_budget.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "support/goldens.hpp"

namespace res2clip {
namespace {

TEST(DecodingBudget, IsNeverExceededByManyThreads) {
  std::atomic<std::int64_t> held{0}, most{0};
  const std::int64_t part = kDecodingBudget / 5 * 2;  // two fit
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        DecodingShare share;
        share.take(part);
        const std::int64_t now = held += part;
        for (std::int64_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        held -= part;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_GT(most, 0);
  EXPECT_LE(most, kDecodingBudget);
}

TEST(DecodingBudget, LetsAnImageThatIsLargerThanItBeDecodedAlone) {
  DecodingShare large;
  large.take(3 * kDecodingBudget);
  std::atomic<bool> second{false};
  std::thread waiting([&] {
    DecodingShare small;
    small.take(1);
    second = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(second);
  large.take(1);  // gives the rest back
  waiting.join();
  EXPECT_TRUE(second);
}

}  // namespace
}  // namespace res2clip
