#include "res2clip/eval/stored_features.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace res2clip {
namespace {

/// Identities of images, each taken once: a batch is asked for when it is announced and again when it is due.
class Identities {
 public:
  std::vector<std::string> of(std::span<const Sample> batch) {
    std::vector<Path> unknown;
    for (const auto& sample : batch)
      if (!known_.contains(sample.image)) unknown.push_back(sample.image);
    const auto taken = image_identities(unknown);
    for (std::size_t i = 0; i < unknown.size(); ++i) known_[unknown[i]] = taken[i];
    std::vector<std::string> identities;
    for (const auto& sample : batch) identities.push_back(known_.at(sample.image));
    return identities;
  }

 private:
  std::map<Path, std::string> known_;
};

Features on_device(Features features, c10::Device device) {
  features.global = features.global.to(device);
  for (auto& [layer, patches] : features.patches) patches = patches.to(device);
  return features;
}

}  // namespace

EvaluationInput with_store(EvaluationInput input, FeatureStore& store, c10::Device device) {
  const auto identities = std::make_shared<Identities>();
  EvaluationInput stored;
  stored.mask = std::move(input.mask);
  stored.features = [inner = std::move(input.features), &store, device,
                     identities](std::span<const Sample> batch) {
    const auto names = identities->of(batch);
    if (!store.missing(names).empty()) store.put(names, inner(batch));
    return on_device(store.read(names), device);
  };
  if (input.upcoming)
    stored.upcoming = [inner = std::move(input.upcoming), &store, identities](std::span<const Sample> batch) {
      if (!store.missing(identities->of(batch)).empty()) inner(batch);
    };
  return stored;
}

}  // namespace res2clip
