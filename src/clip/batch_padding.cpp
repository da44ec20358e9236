#include "batch_padding.hpp"

#include <algorithm>

namespace res2clip {
namespace {

constexpr int kOften = 3;

}  // namespace

std::int64_t BatchPadding::size_for(std::int64_t count) {
  const std::lock_guard lock(mutex_);
  if (count >= largest_ || padded_[count] == kOften) return count;
  ++padded_[count];
  return largest_;
}

void BatchPadding::encoded(std::int64_t count) {
  const std::lock_guard lock(mutex_);
  largest_ = std::max(largest_, count);
}

void BatchPadding::forget() {
  const std::lock_guard lock(mutex_);
  largest_ = 0;
}

}  // namespace res2clip
