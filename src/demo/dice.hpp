#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "res2clip/core/random.hpp"

namespace res2clip::demo {

/// Random choices in single precision. Never draw twice among the arguments of one function call: C++ leaves
/// their order open, and pictures would differ between compilers.
class Dice {
 public:
  Dice(std::uint64_t seed, std::string_view name) : stream_(seed, name) {}

  float between(float low, float high) { return low + (high - low) * static_cast<float>(stream_.uniform()); }
  bool chance(float probability) { return stream_.uniform() < static_cast<double>(probability); }
  /// A whole number from low to high, both included.
  int whole(int low, int high) {
    return low + static_cast<int>(stream_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  /// Bell-shaped around 0 with standard deviation `sigma`, never beyond 3.5 of them: the sum of four uniform
  /// draws.
  float bell(float sigma) {
    double sum = -2;
    for (int i = 0; i < 4; ++i) sum += stream_.uniform();
    return sigma * static_cast<float>(sum * 1.7320508);
  }
  float sign() { return chance(0.5F) ? 1.F : -1.F; }
  float direction() { return between(0, 2 * 3.14159265F); }
  template <class Value, std::size_t N>
  const Value& one(const Value (&values)[N]) {
    return values[stream_.below(N)];
  }
  std::uint64_t bits() { return stream_.next(); }
  std::size_t index(std::size_t count) { return static_cast<std::size_t>(stream_.below(count)); }

 private:
  RandomStream stream_;
};

}  // namespace res2clip::demo
