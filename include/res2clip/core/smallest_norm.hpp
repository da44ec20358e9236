#pragma once

namespace res2clip {

/// The least that a vector is divided by when it is brought to unit length: a zero vector stays zero.
inline constexpr float kSmallestNorm = 1e-12f;

}  // namespace res2clip
