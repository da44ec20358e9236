#pragma once

namespace res2clip {

/// What a norm is at least, where it divides: a zero vector stays zero.
inline constexpr float kSmallestNorm = 1e-12f;

}  // namespace res2clip
