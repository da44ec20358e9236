#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace res2clip {

/// What a reference gets when it is compared with the others of its bank.
struct ReferenceScore {
  std::int64_t shot = 0;
  double score = 0;  ///< fused image score (Eq. 5)
  double peak = 0;   ///< the highest value of its fused map
};

/// When an image is unlike all references.
struct FamiliarityLimits {
  int layer = 0;            ///< whose patch features are compared
  double neighbour = 0;     ///< cosine distance up to which a patch is another's neighbour
  double most_strange = 1;  ///< share of an image's patches without a neighbour among the references
  double most_missing = 1;  ///< share of a reference's patches without a neighbour in the image
};

/// What a bank's references, each compared with the others, tell of normal images.
struct Calibration {
  double false_alarm_rate = 0.05;  ///< that was asked for
  double threshold = 0;            ///< images with a higher score are anomalous
  double map_low = 0;              ///< median of the maps of normal images
  double map_threshold = 0;        ///< map value that normal images reach, odd ones left out
  FamiliarityLimits familiarity;
  std::vector<ReferenceScore> references;
  /// Settings that decide scores, as they were: "scoring" -> its JSON text.
  std::map<std::string, std::string> settings;
};

/// With fewer references there is no calibration.
inline constexpr std::int64_t kFewestCalibrated = 4;

/// The conformal threshold of n scores of normal images: the k-th smallest, k = ceil((n + 1)(1 - rate)), at
/// most the largest. The score of a further normal image is above it with a probability of at most
/// (n + 1 - k) / (n + 1). Throws a settings error for no scores or a rate outside (0, 1).
double conformal_threshold(std::vector<double> scores, double rate);

/// How often normal images exceed a threshold that is one of n scores of normal images.
struct FalseAlarmRate {
  double promised = 1;       ///< the expected rate at most, (above + 1) / (n + 1)
  double low = 0, high = 1;  ///< 90 % of all draws of n references give a threshold whose rate lies between
};
/// `above`: how many of the n scores are higher than the threshold.
FalseAlarmRate false_alarm_rate(std::int64_t n, std::int64_t above);

/// Which of the values are far above the others: by more than four standard deviations above the median, as
/// the median absolute deviation tells them.
std::vector<std::size_t> odd_ones(std::span<const double> values);

/// As JSON, and back. Throws a data error for text that is no calibration.
std::string to_text(const Calibration& calibration);
Calibration calibration_of(const std::string& text);

}  // namespace res2clip
