#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/config/settings.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/features/encoded_features.hpp"
#include "res2clip/image/remarks.hpp"
#include "res2clip/model/detector.hpp"

namespace res2clip {

/// Settings with the archive's own image size where they leave it at 0, and with what it was exported with
/// (`export`) where they leave that at its default. Throws a settings error for a size that is not a multiple
/// of the patch, and where they ask for another export.
Settings fit_to_backbone(Settings settings, const ModelCard& card);

/// Backbone, settings and detector put together: from image files to detections. What the program's commands,
/// and most users of the library, start from.
class Pipeline {
 public:
  /// Loads an archive that `res2clip export` wrote, applies the settings' device, precision and threads to
  /// the process, and encodes the prompts. `checkpoint` names adapter weights (fine-tuned mode); empty:
  /// training-free. Throws settings errors for settings that do not fit the backbone, data errors for broken
  /// files.
  static Pipeline load(const Path& backbone, const Settings& settings, const Path& checkpoint = {});

  const Backbone& backbone() const { return backbone_; }
  const Detector& detector() const { return detector_; }
  const Settings& settings() const { return settings_; }
  /// The side of the square input in pixels: the settings', or the archive's own where they leave it at 0.
  std::int64_t image_size() const { return settings_.image.size; }

  /// Reads images and encodes them, with the layers that the detector needs. This must outlive it.
  EncodedFeatures features() const;
  /// What the images that were decoded so far, references among them, bring up that may make results wrong: a
  /// line for each kind (see ImageRemarks).
  std::vector<std::string> remarks() const { return remarks_->lines(settings_.image.reading); }
  /// How images are read for this pipeline: for a GPU, into page-locked memory. `pixels`: as in their files,
  /// too.
  ReadingOptions reading(bool pixels = false) const;
  /// Reads and prepares images, in parallel: [B, 3, S, S] on the CPU. Throws a data error naming the file.
  at::Tensor prepare(std::span<const Path> images) const;
  /// Features of images, `compute.batch_size` of them at once, of the layers that the detector needs.
  Features encode(std::span<const Path> images, const ProgressCallback& progress = {}) const;
  /// Features of prepared images [B, 3, S, S].
  Features encode(const at::Tensor& images) const;

  /// The bank of K normal images, in the order given.
  ReferenceBank remember(std::span<const Path> normals, const ProgressCallback& progress = {}) const;
  /// A bank that `save_bank` wrote, on the backbone's device. Throws a data error where it does not fit this
  /// pipeline.
  ReferenceBank open_bank(const Path& file) const;

  /// Detections of all images, `compute.batch_size` of them at once.
  Detection detect(std::span<const Path> images, const ReferenceBank& bank) const;

 private:
  Pipeline(Backbone backbone, Detector detector, Settings settings);
  BankOrigin origin() const;

  Backbone backbone_;
  Detector detector_;
  Settings settings_;
  std::shared_ptr<ImageRemarks> remarks_ = std::make_shared<ImageRemarks>();
};

}  // namespace res2clip
