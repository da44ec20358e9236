#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "res2clip/image/overlay.hpp"
#include "res2clip/image/region.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/model/fetched_scores.hpp"

namespace res2clip {

/// What scores are judged by.
struct Measure {
  std::optional<double> threshold;         ///< images with a higher score are anomalous; nothing: no verdicts
  std::optional<Calibration> calibration;  ///< nothing: no image is unknown for being unlike the references
  std::string bank;                        ///< checksum of the bank's file; empty: none
  /// bool [S, S] on the CPU, the pixels of maps that are looked at (ReferenceBank::region); undefined: all.
  at::Tensor inside{};
};

/// The bank's own measure, with `threshold` in place of its own if one is given. Throws a settings error for
/// a threshold that is not a finite number.
Measure measure_of(const ReferenceBank& bank, std::optional<double> threshold = {});

/// What is said of image `row` of a batch (after FetchedScores::wait()); nothing without a threshold.
std::optional<Judgement> judgement_of(const FetchedScores& scores, std::int64_t row, const Measure& measure);

/// The map value that normal images reach: as the bank's calibration says, else as its references tell
/// (Detector::reference_peak), else kCalmUnknown.
double calm_of(const Detector& detector, const ReferenceBank& bank);

/// Whether a line is drawn around an image's hottest region: if the image is anomalous, or, without a
/// verdict, if the region's peak is above what normal images reach. A line around the least calm spot of a
/// normal image would look like a finding.
bool stands_out(const std::optional<Judgement>& judgement, const HottestRegion& region, double calm);

/// Colours of a map. With a calibration they are the same for all images, from the median of normal images'
/// maps, with `options.calm` in the middle; else heat_scale() of the map, of the pixels that
/// are looked at.
HeatScale heat_scale(const at::Tensor& map, const Measure& measure, const OverlayOptions& options);

/// The map as it is drawn on a scale: cold where it is not looked at.
at::Tensor drawn_map(const at::Tensor& map, const Measure& measure, const HeatScale& scale);

}  // namespace res2clip
