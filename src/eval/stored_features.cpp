#include "res2clip/eval/stored_features.hpp"

#include <utility>
#include <vector>

namespace res2clip {
namespace {

std::vector<std::string> identities_of(std::span<const Sample> batch) {
  std::vector<Path> paths;
  for (const auto& sample : batch) paths.push_back(sample.image);
  return image_identities(paths);
}

Features on_device(Features features, c10::Device device) {
  features.global = features.global.to(device);
  for (auto& [layer, patches] : features.patches) patches = patches.to(device);
  return features;
}

}  // namespace

EvaluationInput with_store(EvaluationInput input, FeatureStore& store, c10::Device device) {
  EvaluationInput stored;
  stored.mask = input.mask;
  stored.features = [inner = input.features, &store, device](std::span<const Sample> batch) {
    const auto identities = identities_of(batch);
    if (!store.missing(identities).empty()) store.put(identities, inner(batch));
    return on_device(store.read(identities), device);
  };
  if (input.upcoming)
    stored.upcoming = [inner = input.upcoming, &store](std::span<const Sample> batch) {
      if (!store.missing(identities_of(batch)).empty()) inner(batch);
    };
  return stored;
}

}  // namespace res2clip
