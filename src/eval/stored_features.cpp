#include "res2clip/eval/stored_features.hpp"

#include <string>
#include <utility>
#include <vector>

namespace res2clip {
namespace {

std::vector<Path> paths_of(std::span<const Sample> batch) {
  std::vector<Path> paths;
  for (const auto& sample : batch) paths.push_back(sample.image);
  return paths;
}

}  // namespace

EvaluationInput with_store(EvaluationInput input, FeatureStore& store, ImageIdentities& identities,
                           c10::Device device) {
  EvaluationInput stored;
  stored.mask = std::move(input.mask);
  stored.features = [inner = std::move(input.features), &store, device,
                     &identities](std::span<const Sample> batch) {
    const auto names = identities.of(paths_of(batch));
    store.forget_damaged(names);
    if (!store.missing(names).empty()) store.put(names, inner(batch));
    return to_device(store.read(names), device);
  };
  if (input.upcoming)
    stored.upcoming = [inner = std::move(input.upcoming), &store,
                       &identities](std::span<const Sample> batch) {
      if (!store.missing(identities.of(paths_of(batch))).empty()) inner(batch);
    };
  return stored;
}

}  // namespace res2clip
