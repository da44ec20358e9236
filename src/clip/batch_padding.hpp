#pragma once

#include <cstdint>
#include <map>
#include <mutex>

namespace res2clip {

/// Which batches are encoded as larger ones. Libraries choose for each new size of a batch how to compute it,
/// which may take longer than many batches; and the last batch of a list has a size of its own. A size that
/// comes often gets its own choice. Any number of threads may ask at once.
class BatchPadding {
 public:
  /// As how many images a batch of `count` is to be encoded: `count`, or the largest size that was encoded.
  std::int64_t size_for(std::int64_t count);
  /// A batch of this size was encoded.
  void encoded(std::int64_t count);
  /// Memory ran out: the largest size no longer counts.
  void forget();

 private:
  std::mutex mutex_;
  std::int64_t largest_ = 0;
  std::map<std::int64_t, int> padded_;  // size -> how often
};

}  // namespace res2clip
