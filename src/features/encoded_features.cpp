#include "res2clip/features/encoded_features.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

constexpr std::size_t kBatchesAhead = 2;

/// `images` in parts of at most `size`.
std::vector<std::span<const Path>> batches_of(std::span<const Path> images, std::size_t size) {
  std::vector<std::span<const Path>> batches;
  for (std::size_t first = 0; first < images.size(); first += size)
    batches.push_back(images.subspan(first, std::min(size, images.size() - first)));
  return batches;
}

}  // namespace

EncodedFeatures::EncodedFeatures(const Backbone& backbone, const ImageOptions& image, std::vector<int> layers,
                                 std::int64_t batch_size, std::shared_ptr<ImageRemarks> remarks)
    : EncodedFeatures([&backbone](const at::Tensor& images,
                                  std::span<const int> wanted) { return backbone.encode(images, wanted); },
                      {.image = image,
                       .page_locked = backbone.device().is_cuda(),
                       .identities = true,
                       .remarks = std::move(remarks)},
                      std::move(layers), batch_size) {}

EncodedFeatures::EncodedFeatures(Encode encode, const ReadingOptions& reading, std::vector<int> layers,
                                 std::int64_t batch_size)
    : encode_(std::move(encode)),
      reader_(reading),
      layers_(std::move(layers)),
      batch_size_(static_cast<std::size_t>(batch_size)) {
  if (batch_size < 1)
    throw settings_error("compute.batch_size is " + std::to_string(batch_size) + "; it must be at least 1");
}

void EncodedFeatures::soon(std::span<const Path> images) {
  for (const auto batch : batches_of(images, batch_size_)) {
    if (ahead_.size() >= kBatchesAhead) return;
    if (find_ahead(batch) == ahead_.end())
      ahead_.push_back({{batch.begin(), batch.end()}, reader_.start(batch)});
  }
}

std::deque<EncodedFeatures::Reading>::iterator EncodedFeatures::find_ahead(std::span<const Path> images) {
  return std::find_if(ahead_.begin(), ahead_.end(), [&](const Reading& reading) {
    return std::equal(reading.images.begin(), reading.images.end(), images.begin(), images.end());
  });
}

ImageBatch EncodedFeatures::read(std::span<const Path> images) {
  const auto found = find_ahead(images);
  if (found == ahead_.end()) return reader_.read(images);
  PendingBatch batch = std::move(found->batch);
  ahead_.erase(ahead_.begin(), std::next(found));  // with what was announced before it and never asked for
  return batch.wait();
}

EncodedFeatures::Identified EncodedFeatures::encode_batch(std::span<const Path> images,
                                                          std::span<const int> layers) {
  const ImageBatch batch = read(images);
  batch.require_whole();
  Identified found{encode_(batch.input, layers), {}};
  for (const ImageRead& image : batch.images) found.identities.push_back(image.identity);
  return found;
}

EncodedFeatures::Identified EncodedFeatures::identified(std::span<const Path> images,
                                                        std::span<const int> layers) {
  std::vector<Features> parts;
  std::vector<std::string> identities;
  for (std::size_t first = 0; first < images.size(); first += batch_size_) {
    const auto rest = images.subspan(first);
    const auto batch = rest.first(std::min(batch_size_, rest.size()));
    // Before what others announced: those batches stay announced.
    if (find_ahead(batch) == ahead_.end())
      ahead_.push_front({{batch.begin(), batch.end()}, reader_.start(batch)});
    soon(rest);
    Identified part = encode_batch(batch, layers);
    parts.push_back(std::move(part.features));
    std::move(part.identities.begin(), part.identities.end(), std::back_inserter(identities));
  }
  return {concatenate(parts), std::move(identities)};
}

Features EncodedFeatures::of(std::span<const Path> images) {
  return identified(images, layers_).features;
}

}  // namespace res2clip
