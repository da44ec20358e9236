#pragma once

#include <bit>
#include <cstdint>

namespace res2clip {

/// Unsigned keys in the order of the finite float32 values they stand for; both zeros have the same key.
inline std::uint32_t key_of(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

inline float score_of(std::uint32_t key) {
  return std::bit_cast<float>((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

inline bool is_finite(float score) {
  return (std::bit_cast<std::uint32_t>(score) & 0x7f800000u) != 0x7f800000u;
}

/// An anomalous pixel as one number, ordered by score and then by the area of its region, so that sums over
/// pixels in sorted order do not depend on the order in which images came.
inline std::uint64_t anomalous_key(std::uint32_t key, std::uint32_t region_area) {
  return std::uint64_t{key} << 32 | region_area;
}
inline std::uint32_t score_key(std::uint64_t anomalous) {
  return static_cast<std::uint32_t>(anomalous >> 32);
}
inline std::uint32_t region_area(std::uint64_t anomalous) {
  return static_cast<std::uint32_t>(anomalous);
}

}  // namespace res2clip
