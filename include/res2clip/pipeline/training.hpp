#pragma once

#include <optional>
#include <string>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/config/settings.hpp"
#include "res2clip/core/communicator.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/data/feature_store.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/train/trainer.hpp"

namespace res2clip {

/// The auxiliary data set of a training, put together from a backbone and image files: the test images of all
/// classes (as the authors' release trains), normal ones among them as candidates for references.
class TrainingImages {
 public:
  /// `settings` are fitted to the backbone. With a store each image is encoded once, without one whenever it
  /// is asked for. The backbone must outlive this.
  TrainingImages(const Backbone& backbone, const Dataset& dataset, const Settings& settings,
                 std::optional<FeatureStore> store);
  TrainingImages(const TrainingImages&) = delete;
  TrainingImages& operator=(const TrainingImages&) = delete;

  /// Encodes what the store lacks, each process of the job its share; returns how many images that were, of
  /// all processes. Checks the free disk space first. Nothing to do without a store.
  std::int64_t fill_store(Communicator& processes, const ProgressCallback& progress);

  /// What the trainer sees; must not outlive this. Features come on the backbone's device.
  TrainingData data() const;

 private:
  Features encode(std::span<const Path> images) const;
  Features features(std::span<const std::int64_t> indices) const;
  at::Tensor masks(std::span<const std::int64_t> indices) const;

  const Backbone& backbone_;
  Settings settings_;
  std::vector<int> layers_;
  std::vector<Sample> samples_;
  std::optional<FeatureStore> store_;
  std::vector<std::string> identities_;  ///< of the samples; empty without a store
};

/// Adapters, text residual and options of a training that starts from `initial` (none: fresh ones).
TrainingSetup make_training_setup(const Backbone& backbone, const Settings& settings,
                                  const std::optional<Adapters>& initial);

}  // namespace res2clip
