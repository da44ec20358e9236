#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/config/settings.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/features/encoded_features.hpp"
#include "res2clip/image/image_view.hpp"
#include "res2clip/image/remarks.hpp"
#include "res2clip/model/detector.hpp"

namespace res2clip {

/// Settings with the archive's own image size where they leave it at 0, and with what it was exported with
/// (`export`) where they leave that at its default. Throws a settings error for values out of their range
/// (check()), for a size that is not a multiple of the patch, and where they ask for another export.
Settings fit_to_backbone(Settings settings, const ModelCard& card);
/// The same, with the precision that the backbone computes in where they leave it to the device (`auto`).
Settings fit_to_backbone(Settings settings, const Backbone& backbone);

/// Backbone, settings and detector put together: from images, in files or in memory, to detections. What the
/// program's commands, and most users of the library, start from.
///
/// Any number of threads may call the const functions of one pipeline at once, with one bank or several; each
/// result has the bits that it has alone. Copies share the backbone: several products, each with settings and
/// a bank of its own, need it in memory once. Everything throws res2clip::Error alone, but for what a
/// caller's own function throws, which goes through as it is.
///
/// After fork() a child may use the library only if the parent had computed nothing before, or on one thread;
/// else it gets a runtime error.
class Pipeline {
 public:
  /// Loads an archive that `res2clip export` wrote, applies the settings' device, precision and threads to
  /// the process (with `compute.threads` 0 the host's number stays), and encodes the prompts. `checkpoint`
  /// names adapter weights (fine-tuned mode); empty: training-free. Throws settings errors for settings that
  /// are out of their range (check()) or do not fit the backbone, data errors for broken files.
  static Pipeline load(const Path& backbone, const Settings& settings, const Path& checkpoint = {});

  /// The same backbone with other settings: those of another product. Device and precision stay the
  /// backbone's.
  Pipeline with(const Settings& settings, const Path& checkpoint = {}) const;

  const Backbone& backbone() const { return *backbone_; }
  const Detector& detector() const { return detector_; }
  const Settings& settings() const { return settings_; }
  /// The side of the square input in pixels: the settings', or the archive's own where they leave it at 0.
  std::int64_t image_size() const { return settings_.image.size; }
  /// What a bank of this pipeline is made with; names no references.
  BankOrigin origin() const;

  /// Reads images and encodes them, with the layers that the detector needs. This must outlive it.
  EncodedFeatures features() const;
  /// The same with other layers: those that several detectors need.
  EncodedFeatures features(std::vector<int> layers) const;
  /// The same of all inputs of images that are cut into tiles, image after image.
  EncodedFeatures features(std::vector<int> layers, const std::optional<Tiling>& tiling) const;
  /// What the images that were decoded so far, references among them, bring up that may make results wrong: a
  /// line for each kind (see ImageRemarks).
  std::vector<std::string> remarks() const { return remarks_->lines(settings_.image.reading); }
  /// How images are read for this pipeline: for a GPU, into page-locked memory. `pixels`: as in their files,
  /// too.
  /// With a tiling images become several inputs each.
  ReadingOptions reading(bool pixels = false, const std::optional<Tiling>& tiling = {}) const;

  /// Reads and prepares images, in parallel: [B, 3, S, S] on the CPU, with a tiling
  /// [B * tiling->inputs(), 3, S, S], image after image. Throws a data error naming the file.
  at::Tensor prepare(std::span<const Path> images, const std::optional<Tiling>& tiling = {}) const;
  /// The same of images in memory.
  at::Tensor prepare(std::span<const ImageView> images, const std::optional<Tiling>& tiling = {}) const;

  /// Features of images, `compute.batch_size` inputs at once (but all of one image), of the layers that the
  /// detector needs; with a tiling of all inputs, image after image.
  Features encode(std::span<const Path> images, const ProgressCallback& progress = {},
                  const std::optional<Tiling>& tiling = {}) const;
  Features encode(std::span<const ImageView> images, const std::optional<Tiling>& tiling = {}) const;
  /// Features of prepared images: float32 [B, 3, S, S] with S = image_size(), as prepare() makes them. Throws
  /// a data error for others.
  Features encode(const at::Tensor& images) const;

  /// The bank of K normal images, in the order given. `progress` hears of each batch that is done.
  ReferenceBank remember(std::span<const Path> normals, const ProgressCallback& progress = {}) const;
  /// The same with tiles: images are cut into overlapping parts, each compared with those of the references,
  /// so that small defects, and those on elongated parts, are seen in more detail. All images must have one
  /// aspect (a data error). One tile is the same as none.
  ReferenceBank remember(std::span<const Path> normals, const Tiling& tiling,
                         const ProgressCallback& progress = {}) const;
  ReferenceBank remember(std::span<const ImageView> normals, const Tiling& tiling,
                         std::span<const std::string> names = {}) const;
  /// Of images in memory; `names`, one for each or none at all, are kept with the bank.
  ReferenceBank remember(std::span<const ImageView> normals, std::span<const std::string> names = {}) const;
  /// Of features that this pipeline encoded, without tiles.
  ReferenceBank remember(const Features& normals, std::span<const std::string> names = {}) const;
  ReferenceBank remember(std::initializer_list<Path> normals) const { return remember(span_of(normals)); }

  /// The same bank with its references compared with each other, by the settings of this pipeline (see
  /// calibrate()). A bank that cannot be calibrated stays without.
  ReferenceBank calibrated(ReferenceBank bank, double false_alarm_rate,
                           const ProgressCallback& progress = {}) const;
  /// Which groups of settings decide scores and are other than when the bank was calibrated, as "retrieval"
  /// (and "checkpoint"): its threshold and limits hold for those alone. Empty: none.
  std::vector<std::string> changed_since(const Calibration& calibration) const;
  /// Images that are encoded at once: `compute.batch_size` inputs, but at least one image.
  std::size_t images_at_once(const std::optional<Tiling>& tiling = {}) const;
  /// A bank that `save_bank` wrote, on the backbone's device. Throws a data error where it does not fit this
  /// pipeline.
  ReferenceBank open_bank(const Path& file) const;
  /// The same of bytes that `bytes_of_bank` gave; `source` names them in messages.
  ReferenceBank open_bank(std::string bytes, const std::string& source) const;
  /// Throws a data error where a bank was made with another backbone or other settings, or lacks a layer.
  void require_fitting(const ReferenceBank& bank, const std::string& source = "the reference bank") const;

  /// Detections of all images, `compute.batch_size` of them at once; memory holds their maps. (For long lists
  /// see detect_each.hpp.) Throws a data error where the bank does not fit (require_fitting()), where an
  /// image cannot be read, and where its scores are not finite numbers: what is returned can be compared with
  /// a threshold.
  Detection detect(std::span<const Path> images, const ReferenceBank& bank) const;
  Detection detect(std::span<const ImageView> images, const ReferenceBank& bank) const;
  Detection detect(std::initializer_list<Path> images, const ReferenceBank& bank) const {
    return detect(span_of(images), bank);
  }
  Detection detect(const ImageView& image, const ReferenceBank& bank) const {
    return detect(std::span(&image, 1), bank);
  }

 private:
  Pipeline(std::shared_ptr<const Backbone> backbone, Detector detector, Settings settings,
           std::string checkpoint);
  static Pipeline of(std::shared_ptr<const Backbone> backbone, const Settings& settings,
                     const Path& checkpoint);
  static std::span<const Path> span_of(std::initializer_list<Path> paths) {
    return {paths.begin(), paths.size()};
  }
  ReferenceBank named(ReferenceBank bank, std::span<const std::string> names) const;
  void encode_each(std::span<const Path> images, const std::optional<Tiling>& tiling,
                   const ProgressCallback& progress, const std::function<void(Features)>& take) const;
  void encode_each(std::span<const ImageView> images, const std::optional<Tiling>& tiling,
                   const std::function<void(Features)>& take) const;
  std::map<std::string, std::string> scoring_settings() const;

  std::shared_ptr<const Backbone> backbone_;
  Detector detector_;
  Settings settings_;
  std::string checkpoint_;  // SHA-256 of its file; empty: none
  std::shared_ptr<ImageRemarks> remarks_ = std::make_shared<ImageRemarks>();
};

}  // namespace res2clip
