#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/progress.hpp"
#include "res2clip/model/calibration.hpp"
#include "res2clip/model/detector.hpp"

namespace res2clip {

/// At most so many references, evenly chosen, are compared with the others, so that large banks stay quick.
inline constexpr std::int64_t kMostCompared = 64;

/// Compares references with the others of their bank (leave one out), and takes threshold, colour scale and
/// limits of familiarity from what they get. `settings` of the result is left empty. Nothing where the bank
/// holds fewer than kFewestCalibrated references, or lacks a layer that the text branch needs. Throws a
/// settings error for a rate outside (0, 1).
std::optional<Calibration> calibrate(const Detector& detector, const ReferenceBank& bank,
                                     double false_alarm_rate, const ProgressCallback& progress = {});

/// How much of B images the references know and the other way round: float32 [B, 2], the share of an image's
/// patches whose nearest patch of any reference is further than `limits.neighbour` (cosine distance), and the
/// share of a reference's patches that are as far from all of the image's, of the reference where it is
/// smallest. Patches outside of the bank's region of interest
/// count nothing. For a bank with tiles `query` is what Detector::detect_inputs takes, of which the whole
/// images are looked at. Throws a data error where a layer is missing.
at::Tensor familiarity(const Features& query, const ReferenceBank& bank, const FamiliarityLimits& limits);

enum class Verdict {
  good,       ///< not above the threshold
  anomalous,  ///< above it
  unknown,    ///< unlike all references (another object, none, no light), or its score is not a number
};
const char* name_of(Verdict verdict);

/// What is said of an image, and why it is unknown (empty otherwise).
struct Judgement {
  Verdict verdict = Verdict::unknown;
  std::string reason;
};
/// `shares` are those of familiarity().
Judgement judge(double score, double threshold);
Judgement judge(double score, double threshold, double strange, double missing,
                const FamiliarityLimits& limits);

}  // namespace res2clip
