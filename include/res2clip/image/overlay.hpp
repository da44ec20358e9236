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

/// What is drawn over an image.
struct HeatLayer {
  at::Tensor map;  ///< float32 [S, S]
  HeatScale scale{};
  /// uint8 [S, S], 1 inside the line that `options.outline` draws (HottestRegion::mask). Undefined: no line.
  at::Tensor outlined{};
};

/// Taken for `calm` if the references tell nothing: there is one alone. With the demo backbone it lies
/// between most normal images and most defects.
inline constexpr double kCalmUnknown = 0.6;

/// The scale of one image among others: from its map's median to its maximum, or 1.5 times `options.calm` if
/// that is more.
HeatScale heat_scale(const at::Tensor& map, const OverlayOptions& options);

/// The scale with `low` at its cold end and `middle` in its middle.
HeatScale heat_scale_around(double low, double middle);

/// Draws a heat map over `image` (uint8 [H, W, 3] RGB). Returns uint8 RGB: [H, W, 3] for the plain overlay
/// (enlarged by a whole factor if smaller than `smallest_edge`), a panel of two such images and a footer with
/// `caption` otherwise: side by side, wide ones (above 2 : 1) one above the other. If the result would be
/// longer than kLongestOverlay, the images are enlarged less, or shrunk.
at::Tensor heat_overlay(const at::Tensor& image, const HeatLayer& heat, const std::string& caption,
                        const OverlayOptions& options);

}  // namespace res2clip
