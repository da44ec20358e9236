#include "feature_stream.hpp"

#include <algorithm>
#include <string>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

std::vector<Path> paths_of(Batch batch) {
  std::vector<Path> paths;
  for (const Sample& sample : batch) paths.push_back(sample.image);
  return paths;
}

}  // namespace

void FeatureStream::plan(std::span<const Sample> samples) {
  total_ += static_cast<std::int64_t>(samples.size());
  for (std::size_t first = 0; first < samples.size(); first += batch_size_)
    batches_.push_back(samples.subspan(first, std::min(batch_size_, samples.size() - first)));
}

std::pair<Batch, Features> FeatureStream::next() {
  constexpr std::size_t kBatchesAhead = 2;
  const Batch batch = batches_[position_++];
  announced_ = std::max(announced_, position_);
  for (; announced_ < std::min(position_ + kBatchesAhead, batches_.size()); ++announced_)
    source_.soon(paths_of(batches_[announced_]));
  Features features = source_.of(paths_of(batch));
  const std::int64_t given = features.global.defined() ? features.batch() : 0;
  if (given != static_cast<std::int64_t>(batch.size()))
    throw data_error("the source of features gave those of " + std::to_string(given) + " images for " +
                     std::to_string(batch.size()) + ", of which " + batch.front().name + " is the first");
  done_ += static_cast<std::int64_t>(batch.size());
  if (progress_) progress_(done_, total_, batch.front().category);
  return {batch, std::move(features)};
}

}  // namespace res2clip
