#pragma once

#include <optional>
#include <span>
#include <string>

#include "res2clip/report/curves.hpp"

namespace res2clip {

/// A curve in the unit square with axes, as an inline SVG element; `diagonal`: what guessing gives.
std::string curve_svg(std::span<const CurvePoint> curve, const std::string& x, const std::string& y,
                      bool diagonal);

/// Thresholds that a histogram marks.
struct Thresholds {
  std::optional<double> best_f1;     ///< of the highest F1
  std::optional<double> percentile;  ///< 95 % of the normal images
};

/// Image scores of normal and anomalous images, side by side in bins, as an inline SVG element.
std::string histogram_svg(std::span<const ScoredImage> images, const Thresholds& thresholds);

}  // namespace res2clip
