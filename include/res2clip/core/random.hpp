#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace res2clip {

/// A stream of random numbers that depends on nothing but its seed and name: the same on every machine,
/// compiler and thread count (SplitMix64; the standard library's distributions differ between
/// implementations).
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, std::string_view name = {});

  std::uint64_t next();
  /// Uniform in [0, bound), without modulo bias. `bound` must be positive.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high);
  /// Fisher-Yates permutation of 0 .. count-1.
  std::vector<std::int64_t> permutation(std::int64_t count);

  std::uint64_t state() const { return state_; }
  void restore(std::uint64_t state) { state_ = state; }

 private:
  std::uint64_t state_;
};

}  // namespace res2clip
