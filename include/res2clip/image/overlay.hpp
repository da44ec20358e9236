#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/image/options.hpp"

namespace res2clip {

/// No result of heat_overlay has a longer edge, in pixels.
inline constexpr std::int64_t kLongestOverlay = 4096;

/// Values of the map that are drawn as wholly calm and as hottest. The caller knows the scale (a threshold,
/// the data set's range); values outside are clipped. `high` must be above `low`.
struct HeatScale {
  double low = 0;
  double high = 1;
};

/// The scale of one picture among others: from its map's median to its maximum, or half as far again as good
/// parts reach where that is more.
HeatScale heat_scale(const at::Tensor& map, const OverlayOptions& options);

/// Draws `map` (float32 [S, S]) over `image` (uint8 [H, W, 3] RGB). Returns uint8 RGB: [H, W, 3] for the
/// plain overlay (enlarged by a whole factor where smaller than `smallest_edge`), a panel of two such
/// pictures and a footer with `caption` otherwise: side by side, wide ones (above 2 : 1) one above the other.
/// Where the result would be longer than kLongestOverlay, the pictures are enlarged less, or shrunk.
at::Tensor heat_overlay(const at::Tensor& image, const at::Tensor& map, const HeatScale& scale,
                        const std::string& caption, const OverlayOptions& options);

}  // namespace res2clip
