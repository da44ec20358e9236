#include "res2clip/pipeline/judging.hpp"

#include <cmath>

#include "res2clip/core/error.hpp"

namespace res2clip {

Measure measure_of(const ReferenceBank& bank, std::optional<double> threshold) {
  if (threshold && !std::isfinite(*threshold)) throw settings_error("the threshold is not a finite number");
  Measure measure{threshold, bank.calibration, bank.checksum,
                  bank.region ? bank.region->pixels.cpu() : at::Tensor()};
  if (!measure.threshold && bank.calibration) measure.threshold = bank.calibration->threshold;
  return measure;
}

std::optional<Judgement> judgement_of(const FetchedScores& scores, std::int64_t row, const Measure& measure) {
  if (!measure.threshold) return std::nullopt;
  const double score = scores.score[row].item<double>();
  if (!measure.calibration || !scores.familiarity.defined()) return judge(score, *measure.threshold);
  const at::Tensor shares = scores.familiarity[row];
  return judge(score, *measure.threshold, shares[0].item<double>(), shares[1].item<double>(),
               measure.calibration->familiarity);
}

double calm_of(const Detector& detector, const ReferenceBank& bank) {
  if (bank.calibration) return bank.calibration->map_threshold;
  return detector.reference_peak(bank).value_or(kCalmUnknown);
}

bool stands_out(const std::optional<Judgement>& judgement, const HottestRegion& region, double calm) {
  return judgement ? judgement->verdict == Verdict::anomalous : region.peak > calm;
}

HeatScale heat_scale(const at::Tensor& map, const Measure& measure, const OverlayOptions& options) {
  if (measure.calibration) return heat_scale_around(measure.calibration->map_low, options.calm);
  return heat_scale(measure.inside.defined() ? map.cpu().masked_select(measure.inside).unsqueeze(0) : map,
                    options);
}

at::Tensor drawn_map(const at::Tensor& map, const Measure& measure, const HeatScale& scale) {
  return measure.inside.defined() ? map.cpu().masked_fill(measure.inside.logical_not(), scale.low) : map;
}

}  // namespace res2clip
