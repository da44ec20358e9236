#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/metrics/metrics.hpp"

namespace res2clip {

/// Collects the images of one class and computes its seven metrics.
///
/// Every pixel is kept: 4 bytes for a normal one and 8 for an anomalous one, twice that while they are sorted
/// (the first `finish`). The figures do not depend on the order of the images nor on the number of threads,
/// to the last bit.
class ClassAccumulator {
 public:
  /// Adds an image: its anomaly map [H, W] (float32), its mask [H, W] (uint8 or bool, nonzero is anomalous;
  /// an undefined tensor means all normal), its score, and whether it is labelled anomalous. Tensors may be
  /// on any device and images may differ in size. Throws a data error where map and mask do not fit each
  /// other.
  void add(const at::Tensor& map, const at::Tensor& mask, double score, bool anomalous);

  /// All that was collected so far, for the accumulator of another process; as large as in memory.
  std::string bytes() const;
  /// Adds what another accumulator gave as bytes(): as if its images had been added here. Throws a data error
  /// for damaged bytes.
  void add(std::string_view bytes);

  /// The figures of all images so far. May be called again, with other options or after more images. Throws a
  /// settings error for a `pro_limit` that is not above 0 and at most 1.
  ClassMetrics finish(const MetricOptions& options);
  ClassMetrics finish(MetricMode mode) { return finish(MetricOptions{mode}); }

  std::int64_t images() const;

 private:
  void sort_pixels();

  std::vector<double> normal_scores_;     // of images
  std::vector<double> anomalous_scores_;  // of images
  bool finite_scores_ = true;
  bool finite_pixels_ = true;
  // Keys of normal pixels, one vector per image since the last sort.
  std::vector<std::vector<std::uint32_t>> added_;
  std::vector<std::uint32_t> normal_;  // keys of normal pixels, ascending
  // Key and region area of each anomalous pixel, ascending after a sort.
  std::vector<std::uint64_t> anomalous_;
  std::int64_t regions_ = 0;
  bool sorted_ = true;
};

}  // namespace res2clip
