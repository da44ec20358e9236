#include "fused_row.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "normalise_floor.hpp"
#include "sparsemax_threshold.hpp"

// The loops below are written for the compiler to vectorise; they are compiled once per instruction set and
// chosen when the program starts. (Sanitizers cannot run before the choice is made.)
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define RES2CLIP_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define RES2CLIP_VECTORISED
#endif

namespace res2clip {
namespace {

/// Entries of a row that are looked at side by side. Their maxima are a good subset of the row to bound its
/// threshold with; wide enough for any vector unit.
constexpr int kLanes = 64;
using Lanes = std::array<float, kLanes>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// scores -= penalty; lane maxima; `unordered` becomes non-zero in lanes that see a NaN.
RES2CLIP_VECTORISED
void penalise(float* scores, const float* penalty, std::int64_t count, float* lane_maxima,
              std::int32_t* unordered) {
  std::int64_t begin = 0;
  for (; begin + kLanes <= count; begin += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      const float score = scores[begin + lane] - penalty[begin + lane];
      scores[begin + lane] = score;
      lane_maxima[lane] = lane_maxima[lane] > score ? lane_maxima[lane] : score;
      unordered[lane] |= score != score;
    }
  for (int lane = 0; begin + lane < count; ++lane) {
    const float score = scores[begin + lane] - penalty[begin + lane];
    scores[begin + lane] = score;
    lane_maxima[lane] = lane_maxima[lane] > score ? lane_maxima[lane] : score;
    unordered[lane] |= score != score;
  }
}

/// Whether any of a block of kLanes scores lies above `level`.
RES2CLIP_VECTORISED
bool any_above(const float* scores, float level) {
  std::int32_t above = 0;
  for (int lane = 0; lane < kLanes; ++lane) above |= scores[lane] > level;
  return above != 0;
}

/// Collects the scores above `maximum + level`, relative to the maximum.
void collect(const float* scores, std::int64_t count, float maximum, double level, Candidates& candidates) {
  // Rounded down, so that the quick test passes all that the exact one passes.
  const float bound = std::nextafter(static_cast<float>(maximum + level), -kInfinity);
  std::int64_t found = 0;
  for (std::int64_t begin = 0; begin < count; begin += kLanes) {
    const std::int64_t end = std::min<std::int64_t>(begin + kLanes, count);
    if (end - begin == kLanes && !any_above(scores + begin, bound)) continue;
    for (std::int64_t j = begin; j < end; ++j) {
      const float relative = scores[j] - maximum;
      candidates.scores[found] = relative;
      candidates.places[found] = static_cast<std::int32_t>(j);
      found += relative > level;
    }
  }
  candidates.count = found;
}

RES2CLIP_VECTORISED
void add_scaled(float* sum, const float* row, float weight, std::int64_t count) {
  for (std::int64_t d = 0; d < count; ++d) sum[d] += weight * row[d];
}

RES2CLIP_VECTORISED
float sum_of_squares(const float* values, std::int64_t count) {
  constexpr int kSums = 16;
  float sums[kSums] = {};
  std::int64_t begin = 0;
  for (; begin + kSums <= count; begin += kSums)
    for (int lane = 0; lane < kSums; ++lane) sums[lane] += values[begin + lane] * values[begin + lane];
  double total = 0;
  for (; begin < count; ++begin) total += static_cast<double>(values[begin]) * values[begin];
  for (const float sum : sums) total += sum;
  return static_cast<float>(total);
}

/// reference /= norm; residual = query - reference.
RES2CLIP_VECTORISED
void subtract_normalised(float* reference, float norm, const float* query, float* residual,
                         std::int64_t count) {
  for (std::int64_t d = 0; d < count; ++d) {
    reference[d] /= norm;
    residual[d] = query[d] - reference[d];
  }
}

/// Threshold of the lane maxima alone, relative to their maximum: a lower bound of the whole row's.
double bound_from(const Lanes& lane_maxima, float maximum) {
  Lanes relative;
  for (int lane = 0; lane < kLanes; ++lane) relative[lane] = lane_maxima[lane] - maximum;
  return sparsemax_threshold(relative.data(), kLanes);
}

void fill_with_nan(const MatchedRow& matched, std::int64_t channels) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::fill_n(matched.reference, channels, kNan);
  std::fill_n(matched.residual, channels, kNan);
  *matched.residual_norm = kNan;
}

}  // namespace

void match_row(const ScoreRow& row, const float* query, const float* references, std::int64_t channels,
               Candidates& candidates, const MatchedRow& matched) {
  Lanes lane_maxima;
  lane_maxima.fill(-kInfinity);
  std::array<std::int32_t, kLanes> unordered{};
  for (std::int64_t shot = 0; shot < row.shots; ++shot)
    penalise(row.scores + shot * row.patches, row.penalty, row.patches, lane_maxima.data(), unordered.data());
  const float maximum = *std::max_element(lane_maxima.begin(), lane_maxima.end());
  const bool any_unordered =
      std::any_of(unordered.begin(), unordered.end(), [](auto lane) { return lane != 0; });
  if (any_unordered || !std::isfinite(maximum)) return fill_with_nan(matched, channels);

  const double bound = bound_from(lane_maxima, maximum);
  collect(row.scores, row.shots * row.patches, maximum, bound, candidates);
  const double threshold = sparsemax_threshold(candidates.scores.data(), candidates.count, bound);

  std::fill_n(matched.reference, channels, 0.0f);
  for (std::int64_t i = 0; i < candidates.count; ++i) {
    const auto weight = static_cast<float>(candidates.scores[i] - threshold);
    if (weight > 0)
      add_scaled(matched.reference, references + candidates.places[i] * channels, weight, channels);
  }
  const float norm = std::max(std::sqrt(sum_of_squares(matched.reference, channels)), kSmallestNorm);
  subtract_normalised(matched.reference, norm, query, matched.residual, channels);
  *matched.residual_norm = std::sqrt(sum_of_squares(matched.residual, channels));
}

}  // namespace res2clip
