#pragma once

#include <optional>
#include <span>
#include <vector>

#include "res2clip/report/reported_run.hpp"

namespace res2clip {

struct CurvePoint {
  double x = 0.0, y = 0.0;
};

/// False-positive rate -> true-positive rate of image scores, from (0, 0) to (1, 1); images of equal score
/// come in together. Empty if there is no normal or no anomalous image.
std::vector<CurvePoint> roc_curve(std::span<const ScoredImage> images);

/// Recall -> precision, from the highest threshold down. Empty under the same conditions.
std::vector<CurvePoint> precision_recall_curve(std::span<const ScoredImage> images);

/// The threshold whose F1 is the highest: scores from it on count as anomalous. The highest of several.
/// Nothing under the same conditions.
std::optional<double> best_f1_threshold(std::span<const ScoredImage> images);

/// The score that a share of the normal images stays below or at, 0.95 for instance: the smallest such score
/// of an image. Nothing if there is no normal image.
std::optional<double> normal_percentile(std::span<const ScoredImage> images, double share);

}  // namespace res2clip
