#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/config/settings.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/features/stored_features.hpp"
#include "res2clip/image/remarks.hpp"
#include "res2clip/processes/communicator.hpp"
#include "res2clip/train/trainer.hpp"

namespace res2clip {

/// The auxiliary data set of a training, put together from a backbone and image files: the test images of all
/// classes (as the authors' release trains), normal ones among them as candidates for references.
class TrainingImages final : public FeatureSource {
 public:
  /// `settings` are fitted to the backbone, which must outlive this; out of their range they are a settings
  /// error. No file is opened yet. Without a store an image is encoded whenever it is asked for. Prepared
  /// masks are kept in memory up to `mask_bytes`; those beyond are read again each time.
  TrainingImages(const Backbone& backbone, const Dataset& dataset, const Settings& settings,
                 std::int64_t mask_bytes = std::int64_t{1} << 30);
  TrainingImages(const TrainingImages&) = delete;
  TrainingImages& operator=(const TrainingImages&) = delete;

  /// Fills the store (see StoredFeatures::fill) and takes features from it from then on.
  std::int64_t fill_store(FeatureStore store, Communicator& processes, const ProgressCallback& progress = {},
                          const std::function<bool()>& stop_requested = {});

  /// What the images that were decoded so far bring up (see ImageRemarks).
  std::vector<std::string> remarks() const { return remarks_->lines(settings_.image.reading); }

  /// What the trainer sees; must not outlive this.
  TrainingData data();

  /// Features of the layers that are trained, on the backbone's device.
  Features of(std::span<const Path> images) override { return source().of(images); }
  void soon(std::span<const Path> images) override { source().soon(images); }

 private:
  FeatureSource& source();
  at::Tensor masks(std::span<const std::int64_t> indices);

  const Backbone& backbone_;
  Settings settings_;
  std::vector<Sample> samples_;
  std::shared_ptr<ImageRemarks> remarks_ = std::make_shared<ImageRemarks>();
  EncodedFeatures encoded_;
  std::optional<StoredFeatures> stored_;  ///< none without a store
  std::vector<at::Tensor> masks_;         ///< of the samples; undefined where not kept
  std::int64_t mask_bytes_left_;
};

/// What a store of a training's features must have been made with. `settings` are fitted to the backbone.
StoreDescription describe_training_store(const Backbone& backbone, const Settings& settings,
                                         const std::string& dataset);

/// Adapters, text residual and options of a training that starts from `initial` (none: fresh ones).
TrainingSetup make_training_setup(const Backbone& backbone, const Settings& settings,
                                  const std::optional<Adapters>& initial);

/// What of backbone, settings and initial weights must be the same for a training to go on, beside what
/// the trainer itself knows: name -> text. `stored` says whether features come from a store.
std::map<std::string, std::string> training_identity(const Backbone& backbone, const Settings& settings,
                                                     const std::optional<Adapters>& initial, bool stored);

}  // namespace res2clip
