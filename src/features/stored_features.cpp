#include "res2clip/features/stored_features.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

constexpr std::size_t kBatchesAhead = 2;

}  // namespace

StoreDescription describe_store(const std::string& dataset, const Backbone& backbone,
                                const ImageOptions& image, StoredAs stored_as, std::vector<int> layers) {
  const ModelCard& card = backbone.card();
  const std::int64_t side = image.size / card.sizes.patch_size;
  std::sort(layers.begin(), layers.end());
  StoreDescription description;
  description.dataset = dataset;
  description.backbone = backbone.checksum();
  description.image_size = image.size;
  description.layers = std::move(layers);
  description.embed = card.sizes.embed_dim;
  description.grid = {side, side};
  description.stored_as = stored_as;
  description.encoding = "precision " + backbone.arithmetic() +
                         (image.convert_before_resize ? ", converted first" : ", resized first");
  for (const auto& [name, value] : reading_identity(image.reading))
    description.encoding += ", " + name + "=" + value;
  return description;
}

StoredFeatures::StoredFeatures(FeatureStore store, EncodedFeatures& encoded, c10::Device device,
                               ImageIdentities identities)
    : store_(std::move(store)), encoded_(encoded), identities_(std::move(identities)), device_(device) {}

Features StoredFeatures::of(std::span<const Path> images) {
  std::optional<Features> features = take_ahead(images);
  if (!features) {
    const std::vector<std::string> identities = identities_.of(images);
    const std::lock_guard lock(access_);
    add_missing(images, identities);
    features = store_.read(identities, device_.is_cuda());
  }
  return to_device(std::move(*features), device_);
}

void StoredFeatures::soon(std::span<const Path> images) {
  if (ahead_.size() >= kBatchesAhead) return;
  ahead_.push_back(
      {{images.begin(), images.end()},
       reader_.submit([this, identities = identities_.of(images)] { return read_whole(identities); })});
}

/// What was read of an announced batch.
std::optional<Features> StoredFeatures::take_ahead(std::span<const Path> images) {
  const auto found = std::find_if(ahead_.begin(), ahead_.end(), [&](const Reading& reading) {
    return std::equal(reading.images.begin(), reading.images.end(), images.begin(), images.end());
  });
  if (found == ahead_.end()) return std::nullopt;
  auto features = std::move(found->features);
  ahead_.erase(ahead_.begin(), std::next(found));  // with what was announced before it and never asked for
  return features.get();
}

std::optional<Features> StoredFeatures::read_whole(const std::vector<std::string>& identities) {
  const std::lock_guard lock(access_);
  if (!store_.forget_damaged(identities).empty() || !store_.missing(identities).empty()) return std::nullopt;
  return store_.read(identities, device_.is_cuda());
}

/// Encodes and stores what the store lacks, and what is damaged there. The caller holds the lock.
void StoredFeatures::add_missing(std::span<const Path> images, const std::vector<std::string>& identities) {
  store_.forget_damaged(identities);
  const std::vector<std::string> absent = store_.missing(identities);
  if (absent.empty()) return;
  std::vector<Path> paths;
  for (const std::string& identity : absent)
    paths.push_back(images[static_cast<std::size_t>(
        std::find(identities.begin(), identities.end(), identity) - identities.begin())]);
  const EncodedFeatures::Identified encoded = encode(paths);
  store_.put(encoded.identities, encoded.features);
}

/// Of the layers that records hold. The identities are those of the bytes that were decoded.
EncodedFeatures::Identified StoredFeatures::encode(std::span<const Path> images) {
  const std::vector<std::string> expected = identities_.of(images);
  EncodedFeatures::Identified encoded = encoded_.identified(images, store_.layers_held());
  for (std::size_t i = 0; i < images.size(); ++i)
    if (encoded.identities[i] != expected[i])
      throw data_error(images[i].string() +
                       ": was changed while it was in use; leave the images alone and start again");
  return encoded;
}

}  // namespace res2clip
