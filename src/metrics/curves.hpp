#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace res2clip {

/// What is called anomalous at one threshold, and between it and the next higher threshold at which an
/// anomalous element stands. Thresholds at which only normal elements stand need no point of their own:
/// nothing but the number of false positives changes there.
struct CurvePoint {
  std::int64_t false_positives_above = 0;  ///< normal elements above the threshold
  std::int64_t false_positives = 0;        ///< normal elements at or above it
  std::int64_t true_positives_above = 0;   ///< anomalous elements above it
  std::int64_t true_positives = 0;         ///< anomalous elements at or above it
  double weight_above = 0.0;               ///< weight of anomalous elements above it
  double weight = 0.0;                     ///< weight of anomalous elements at or above it
};

/// Visits the thresholds at which anomalous elements stand, from the highest down. Both spans ascend;
/// `value_of(anomalous)` gives what is compared with a normal element, `weight_of(anomalous)` what it weighs.
template <class Normal, class Anomalous, class ValueOf, class WeightOf, class Visit>
void walk_thresholds(std::span<const Normal> normal, std::span<const Anomalous> anomalous, ValueOf value_of,
                     WeightOf weight_of, Visit visit) {
  CurvePoint point;
  std::size_t negatives = normal.size();  // those not yet above the threshold
  std::size_t positives = anomalous.size();
  while (positives > 0) {
    const auto threshold = value_of(anomalous[positives - 1]);
    while (negatives > 0 && normal[negatives - 1] > threshold) --negatives;
    point.false_positives_above = static_cast<std::int64_t>(normal.size() - negatives);
    while (negatives > 0 && normal[negatives - 1] == threshold) --negatives;
    point.false_positives = static_cast<std::int64_t>(normal.size() - negatives);
    point.true_positives_above = point.true_positives;
    point.weight_above = point.weight;
    while (positives > 0 && value_of(anomalous[positives - 1]) == threshold) {
      --positives;
      point.weight += weight_of(anomalous[positives]);
    }
    point.true_positives = static_cast<std::int64_t>(anomalous.size() - positives);
    visit(point);
  }
}

/// Area under the ROC curve, ties as diagonals. Exact: the doubled area is a whole number.
class RocArea {
 public:
  void add(const CurvePoint& point) {
    // Normal elements between this point and the one above stand at the height reached before.
    doubled_ += 2 * (point.false_positives_above - reached_) * point.true_positives_above;
    doubled_ += (point.false_positives - point.false_positives_above) *
                (point.true_positives_above + point.true_positives);
    reached_ = point.false_positives;
  }
  double value(std::int64_t normal, std::int64_t anomalous) const {
    const std::int64_t doubled = doubled_ + 2 * (normal - reached_) * anomalous;
    return static_cast<double>(doubled) / 2.0 /
           (static_cast<double>(normal) * static_cast<double>(anomalous));
  }

 private:
  std::int64_t doubled_ = 0;
  std::int64_t reached_ = 0;
};

/// Sum over thresholds of precision times gain in recall.
class AveragePrecision {
 public:
  void add(const CurvePoint& point) {
    const double precision = static_cast<double>(point.true_positives) /
                             static_cast<double>(point.true_positives + point.false_positives);
    sum_ += precision * static_cast<double>(point.true_positives - point.true_positives_above);
  }
  double value(std::int64_t anomalous) const { return sum_ / static_cast<double>(anomalous); }

 private:
  double sum_ = 0.0;
};

/// Largest 2pr / (p + r + 1e-7) over all thresholds, the form of the authors' release.
class BestF1 {
 public:
  explicit BestF1(std::int64_t anomalous) : anomalous_(static_cast<double>(anomalous)) {}
  void add(const CurvePoint& point) {
    const auto hits = static_cast<double>(point.true_positives);
    const double precision = hits / (hits + static_cast<double>(point.false_positives));
    const double recall = hits / anomalous_;
    const double f1 = 2.0 * precision * recall / (precision + recall + 1e-7);
    if (f1 > best_) best_ = f1;
  }
  double value() const { return best_; }

 private:
  double anomalous_;
  double best_ = 0.0;
};

/// Per-region overlap over the false-positive rate, from (0, 0) to `limit` with linear interpolation there,
/// divided by `limit`. An element weighs 1 / (pixels of its region); a curve's height is the weight divided
/// by the regions.
class RegionOverlap {
 public:
  RegionOverlap(std::int64_t normal, std::int64_t regions, double limit)
      : normal_(static_cast<double>(normal)), regions_(static_cast<double>(regions)), limit_(limit) {}
  void add(const CurvePoint& point) {
    // A threshold between the points: height as before. Then the tie at the point: a slope.
    segment(point.false_positives_above, point.weight_above);
    segment(point.false_positives, point.weight);
  }
  double value() const {
    RegionOverlap rest = *this;
    rest.segment(static_cast<std::int64_t>(normal_), weight_);
    return rest.area_ / limit_;
  }

 private:
  void segment(std::int64_t false_positives, double weight) {
    const double rate = static_cast<double>(false_positives) / normal_;
    if (rate_ < limit_ && rate > rate_) {
      const double from = weight_ / regions_;
      double to = weight / regions_;
      const double stop = rate < limit_ ? rate : limit_;
      if (rate > limit_) to = from + (to - from) * (limit_ - rate_) / (rate - rate_);
      area_ += (stop - rate_) * (from + to) / 2.0;
    }
    rate_ = rate;
    weight_ = weight;
  }

  double normal_;
  double regions_;
  double limit_;
  double rate_ = 0.0;
  double weight_ = 0.0;
  double area_ = 0.0;
};

}  // namespace res2clip
