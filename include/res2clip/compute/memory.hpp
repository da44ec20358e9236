#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <string>

namespace res2clip {

/// What to tell of an exception by which memory ran out, on a device or the CPU: how much was needed, and the
/// settings to lower. Nothing for any other exception.
std::optional<std::string> out_of_memory_message(const std::exception& error);

/// How many images are worked on at once. It shrinks when memory runs out.
class BatchLimit {
 public:
  /// Calls `work(first, count)` for one part of `total` images after the other: for all at once, and if
  /// memory runs out, for parts of half the size, of a quarter, and so on; later calls begin with what went
  /// well. What `work` holds in vain is released before the next try. Throws what `work` throws if memory
  /// does not do for a single image, or for any other reason.
  void run(std::int64_t total, const std::function<void(std::int64_t first, std::int64_t count)>& work);

 private:
  std::atomic<std::int64_t> most_ = std::numeric_limits<std::int64_t>::max();
};

/// Who is told when a batch gets smaller for want of memory; nobody at first. For the whole process.
void on_smaller_batch(std::function<void(const std::string&)> remark);

}  // namespace res2clip
