#include "fused_row.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "res2clip/core/smallest_norm.hpp"
#include "res2clip/core/vectorised.hpp"

#include "sparsemax_threshold.hpp"

namespace res2clip {
namespace {

/// Entries of a row that are looked at side by side. Their maxima are a good subset of the row to bound its
/// threshold with; wide enough for any vector unit.
constexpr int kLanes = 64;
using Lanes = std::array<float, kLanes>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// scores -= penalty; lane maxima; `unordered` becomes non-zero in lanes that see a NaN or an infinity.
RES2CLIP_VECTORISED
void penalise(float* scores, const float* penalty, std::int64_t count, float* lane_maxima,
              std::int32_t* unordered) {
  std::int64_t begin = 0;
  for (; begin + kLanes <= count; begin += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) {
      const float score = scores[begin + lane] - penalty[begin + lane];
      scores[begin + lane] = score;
      lane_maxima[lane] = lane_maxima[lane] > score ? lane_maxima[lane] : score;
      unordered[lane] |= !(std::abs(score) < kInfinity);
    }
  for (int lane = 0; begin + lane < count; ++lane) {
    const float score = scores[begin + lane] - penalty[begin + lane];
    scores[begin + lane] = score;
    lane_maxima[lane] = lane_maxima[lane] > score ? lane_maxima[lane] : score;
    unordered[lane] |= !(std::abs(score) < kInfinity);
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

/// Collects the scores of at least `bound`.
void collect_from(const float* scores, std::int64_t count, float bound, Candidates& candidates) {
  const float below = std::nextafter(bound, -kInfinity);
  std::int64_t found = 0;
  for (std::int64_t begin = 0; begin < count; begin += kLanes) {
    const std::int64_t end = std::min<std::int64_t>(begin + kLanes, count);
    if (end - begin == kLanes && !any_above(scores + begin, below)) continue;
    for (std::int64_t j = begin; j < end; ++j) {
      candidates.scores[found] = scores[j];
      candidates.places[found] = static_cast<std::int32_t>(j);
      found += scores[j] >= bound;
    }
  }
  candidates.count = found;
}

RES2CLIP_VECTORISED
float dot(const float* a, const float* b, std::int64_t count) {
  constexpr int kSums = 16;
  float sums[kSums] = {};
  std::int64_t begin = 0;
  for (; begin + kSums <= count; begin += kSums)
    for (int lane = 0; lane < kSums; ++lane) sums[lane] += a[begin + lane] * b[begin + lane];
  double total = 0;
  for (; begin < count; ++begin) total += static_cast<double>(a[begin]) * b[begin];
  for (const float sum : sums) total += sum;
  return static_cast<float>(total);
}

RES2CLIP_VECTORISED
void add_scaled(float* sum, const float* row, float weight, std::int64_t count) {
  for (std::int64_t d = 0; d < count; ++d) sum[d] += weight * row[d];
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

/// Weights of sparsemax: the candidates are the support and a little more.
void sparsemax_weights(const ScoreRow& row, const Lanes& lane_maxima, float maximum, Candidates& candidates) {
  const double bound = bound_from(lane_maxima, maximum);
  collect(row.scores, row.shots * row.patches, maximum, bound, candidates);
  const double threshold = sparsemax_threshold(candidates.scores.data(), candidates.count, bound);
  for (std::int64_t i = 0; i < candidates.count; ++i)
    candidates.scores[i] = static_cast<float>(candidates.scores[i] - threshold);
}

/// A score that at least `count` of the row's reach: the lanes' maxima are a part of the row.
float reached_by(std::int64_t count, Lanes lane_maxima) {
  if (count > kLanes) return -kInfinity;
  const auto place = lane_maxima.begin() + (count - 1);
  std::nth_element(lane_maxima.begin(), place, lane_maxima.end(), std::greater<>());
  return *place;
}

/// Keeps the `count` candidates of the largest scores; of equal ones, those that stand first.
void keep_largest(std::int64_t count, Candidates& candidates) {
  std::vector<std::int32_t>& order = candidates.order;
  order.resize(static_cast<std::size_t>(candidates.count));
  std::iota(order.begin(), order.end(), 0);
  const auto& scores = candidates.scores;
  std::nth_element(order.begin(), order.begin() + (count - 1), order.end(),
                   [&](auto a, auto b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  std::sort(order.begin(), order.begin() + count);
  for (std::int64_t i = 0; i < count; ++i) candidates.places[i] = candidates.places[order[i]];
  candidates.count = count;
}

/// Weights of top_k: the scores decide who is chosen, softmax(similarity / temperature) how much each counts.
void top_k_weights(const ScoreRow& row, const MatchOptions& options, const Lanes& lane_maxima,
                   const float* query, const float* references, std::int64_t channels,
                   Candidates& candidates) {
  const std::int64_t all = row.shots * row.patches, count = std::min(options.neighbours, all);
  collect_from(row.scores, all, reached_by(count, lane_maxima), candidates);
  keep_largest(count, candidates);
  float largest = -kInfinity;
  for (std::int64_t i = 0; i < count; ++i) {
    candidates.scores[i] = dot(query, references + candidates.places[i] * channels, channels);
    largest = std::max(largest, candidates.scores[i]);
  }
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i)
    total += candidates.scores[i] =
        static_cast<float>(std::exp((candidates.scores[i] - largest) / options.temperature));
  for (std::int64_t i = 0; i < count; ++i)
    candidates.scores[i] = static_cast<float>(candidates.scores[i] / total);
}

void fill_with_nan(const MatchedRow& matched, std::int64_t channels) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::fill_n(matched.reference, channels, kNan);
  std::fill_n(matched.residual, channels, kNan);
  *matched.residual_norm = kNan;
}

}  // namespace

void match_row(const ScoreRow& row, const MatchOptions& options, const float* query, const float* references,
               std::int64_t channels, Candidates& candidates, const MatchedRow& matched) {
  Lanes lane_maxima;
  lane_maxima.fill(-kInfinity);
  std::array<std::int32_t, kLanes> unordered{};
  for (std::int64_t shot = 0; shot < row.shots; ++shot)
    penalise(row.scores + shot * row.patches, row.penalty, row.patches, lane_maxima.data(), unordered.data());
  if (std::any_of(unordered.begin(), unordered.end(), [](auto lane) { return lane != 0; }))
    return fill_with_nan(matched, channels);

  if (options.weighting == Weighting::sparsemax)
    sparsemax_weights(row, lane_maxima, *std::max_element(lane_maxima.begin(), lane_maxima.end()),
                      candidates);
  else
    top_k_weights(row, options, lane_maxima, query, references, channels, candidates);

  std::fill_n(matched.reference, channels, 0.0f);
  for (std::int64_t i = 0; i < candidates.count; ++i)
    if (candidates.scores[i] > 0)
      add_scaled(matched.reference, references + candidates.places[i] * channels, candidates.scores[i],
                 channels);
  const float norm = std::max(std::sqrt(dot(matched.reference, matched.reference, channels)), kSmallestNorm);
  subtract_normalised(matched.reference, norm, query, matched.residual, channels);
  *matched.residual_norm = std::sqrt(dot(matched.residual, matched.residual, channels));
}

}  // namespace res2clip
