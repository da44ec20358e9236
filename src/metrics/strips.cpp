#include "strips.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "score_key.hpp"

namespace res2clip {
namespace {

constexpr std::int64_t kStrips = 200;
constexpr std::size_t kSlots = kStrips + 2;  // an empty one below, one above for the pixels at the maximum
constexpr std::size_t kThresholds = kSlots - 1;

struct StripRange {
  float low = 0.0f;
  float high = 0.0f;

  /// The slot of a score, in float32 like the release: 1 .. 200.
  std::size_t slot(float score) const {
    const auto strip =
        static_cast<std::int64_t>(((score - low) * static_cast<float>(kStrips)) / (high - low));
    return static_cast<std::size_t>(1 + std::min(strip, kStrips - 1));
  }
};

using Histogram = std::array<double, kSlots>;

/// How many of a list of keys fall into each slot: slots rise with keys, so their borders are found by
/// bisection.
template <class Key, class ScoreKey, class Add>
void for_each_slot(std::span<const Key> keys, const StripRange& range, ScoreKey score_key_of, Add add) {
  auto begin = keys.begin();
  for (std::size_t slot = 1; slot <= kStrips; ++slot) {
    const auto end = std::partition_point(
        begin, keys.end(), [&](Key key) { return range.slot(score_of(score_key_of(key))) <= slot; });
    add(slot, begin, end);
    begin = end;
  }
  // The pixels at the maximum are counted a second time.
  const auto top = std::partition_point(keys.begin(), keys.end(),
                                        [&](Key key) { return score_of(score_key_of(key)) < range.high; });
  add(kSlots - 1, top, keys.end());
}

/// Counts at or above each of the 201 thresholds.
std::array<double, kThresholds> at_or_above(const Histogram& histogram) {
  std::array<double, kThresholds> counts{};
  double total = 0.0;
  for (const double count : histogram) total += count;
  double below = 0.0;
  for (std::size_t i = 0; i < kThresholds; ++i) {
    below += histogram[i];
    counts[i] = total - below;
  }
  return counts;
}

/// Area under y over x, both from the lowest threshold (largest x) to the highest, from threshold `first` on.
double trapezoid(const std::array<double, kThresholds>& y, const std::array<double, kThresholds>& x,
                 std::size_t first = 0) {
  double area = 0.0;
  for (std::size_t i = first; i + 1 < kThresholds; ++i) area += (x[i] - x[i + 1]) * (y[i] + y[i + 1]) / 2.0;
  return area;
}

std::array<double, kThresholds> divided(std::array<double, kThresholds> values, double total) {
  for (double& value : values) value /= total;
  return values;
}

/// The strip that straddles the limit enters with the share t of its width: A r t + A (1 - r) t^2, where A is
/// its area and r the share of its lower edge.
Figure limited_overlap(const std::array<double, kThresholds>& overlap,
                       const std::array<double, kThresholds>& rate, double limit) {
  std::size_t first = 0;  // the first threshold within the limit
  while (first < kThresholds && rate[first] > limit) ++first;
  if (first == kThresholds)
    return Figure::none("even the highest of the 200 strips has a false-positive rate above the limit");
  double area = trapezoid(overlap, rate, first);
  if (first > 0) {
    const double low = overlap[first];
    const double mean = low + (overlap[first - 1] - low) / 2.0;
    if (mean == 0.0) return Figure::none("no region is overlapped before the limit of false positives");
    const double width = rate[first - 1] - rate[first];
    const double strip = width * mean;
    const double share = low / mean;
    const double part = (limit - rate[first]) / width;
    area += strip * share * part + strip * (1.0 - share) * part * part;
  }
  return Figure::of(area / limit);
}

}  // namespace

StripFigures strip_figures(std::span<const std::uint32_t> normal, std::span<const std::uint64_t> anomalous,
                           double limit) {
  std::uint32_t lowest = score_key(anomalous.front());
  std::uint32_t highest = score_key(anomalous.back());
  if (!normal.empty()) {
    lowest = std::min(lowest, normal.front());
    highest = std::max(highest, normal.back());
  }
  const auto refuse = [](const std::string& reason) {
    return StripFigures{Figure::none(reason), Figure::none(reason), Figure::none(reason)};
  };
  const StripRange range{score_of(lowest), score_of(highest)};
  if (range.low == range.high)
    return refuse("all pixels have the same score, which cannot be cut into strips");
  if (!std::isfinite((range.high - range.low) * static_cast<float>(kStrips)))
    return refuse("the range of pixel scores is too large for strips in float32");

  Histogram negatives{};
  Histogram positives{};
  Histogram weights{};
  for_each_slot(
      normal, range, [](std::uint32_t key) { return key; },
      [&](std::size_t slot, auto begin, auto end) { negatives[slot] += static_cast<double>(end - begin); });
  for_each_slot(
      anomalous, range, [](std::uint64_t key) { return score_key(key); },
      [&](std::size_t slot, auto begin, auto end) {
        positives[slot] += static_cast<double>(end - begin);
        for (auto key = begin; key != end; ++key)
          weights[slot] += 1.0f / static_cast<float>(region_area(*key));
      });

  const auto true_positives = at_or_above(positives);
  const auto false_positives = at_or_above(negatives);
  const auto weighted = at_or_above(weights);
  const auto recall = divided(true_positives, true_positives[0]);
  std::array<double, kThresholds> precision{};
  for (std::size_t i = 0; i < kThresholds; ++i) {
    const double predicted = true_positives[i] + false_positives[i];
    precision[i] = predicted > 0.0 ? true_positives[i] / predicted : 1.0;
  }
  StripFigures figures;
  figures.ap = Figure::of(trapezoid(precision, recall));
  if (normal.empty()) {
    figures.auroc = Figure::none("no normal pixel");
    figures.aupro = Figure::none("no normal pixel");
    return figures;
  }
  const auto rate = divided(false_positives, false_positives[0]);
  figures.auroc = Figure::of(trapezoid(recall, rate));
  figures.aupro = limited_overlap(divided(weighted, weighted[0]), rate, limit);
  return figures;
}

}  // namespace res2clip
