#include "decoding_budget.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace res2clip {
namespace {

struct Budget {
  std::mutex mutex;
  std::condition_variable freed;
  std::int64_t held = 0;
  std::int64_t most = 0;
};

Budget& budget() {
  static Budget one;
  return one;
}

void give_back(std::int64_t bytes) {
  Budget& all = budget();
  const std::lock_guard lock(all.mutex);
  all.held -= bytes;
  all.freed.notify_all();
}

}  // namespace

DecodingShare::~DecodingShare() {
  if (held_ > 0) give_back(held_);
}

void DecodingShare::take(std::int64_t bytes) {
  if (held_ > 0) give_back(held_);
  held_ = 0;
  Budget& all = budget();
  std::unique_lock lock(all.mutex);
  all.freed.wait(lock, [&] { return all.held == 0 || all.held + bytes <= kDecodingBudget; });
  all.held += bytes;
  all.most = std::max(all.most, all.held);
  held_ = bytes;
}

std::int64_t largest_decoding() {
  Budget& all = budget();
  const std::lock_guard lock(all.mutex);
  return all.most;
}

}  // namespace res2clip
