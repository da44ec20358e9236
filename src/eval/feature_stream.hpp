#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "res2clip/core/progress.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/features/feature_source.hpp"

namespace res2clip {

using Batch = std::span<const Sample>;

/// All batches of an evaluation in the order in which their features are needed.
class FeatureStream {
 public:
  FeatureStream(FeatureSource& source, std::int64_t batch_size, const ProgressCallback& progress)
      : source_(source), batch_size_(static_cast<std::size_t>(batch_size)), progress_(progress) {}

  void plan(std::span<const Sample> samples);

  /// The next planned batch with its features.
  std::pair<Batch, Features> next();

 private:
  FeatureSource& source_;
  std::size_t batch_size_;
  const ProgressCallback& progress_;
  std::vector<Batch> batches_;
  std::size_t position_ = 0, announced_ = 0;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace res2clip
