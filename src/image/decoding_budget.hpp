#pragma once

#include <cstdint>

namespace res2clip {

/// All images that the process decodes at a time stay within this many bytes; a larger one is decoded alone.
inline constexpr std::int64_t kDecodingBudget = std::int64_t{1} << 30;

/// One image's share of that budget, from when its size is known until this object goes. A thread holds one
/// at a time, so that waiting ends.
class DecodingShare {
 public:
  DecodingShare() = default;
  ~DecodingShare();
  DecodingShare(const DecodingShare&) = delete;
  DecodingShare& operator=(const DecodingShare&) = delete;

  /// Waits until so many bytes are free, or nobody else holds any.
  void take(std::int64_t bytes);

 private:
  std::int64_t held_ = 0;
};

/// The most that was held at a time since the process began, in bytes.
std::int64_t largest_decoding();

}  // namespace res2clip
