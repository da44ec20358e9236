#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/pipeline/detect_each.hpp"
#include "res2clip/pipeline/judging.hpp"
#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip {

/// What is found in one image of a product. Its scores are always finite.
struct Finding : ImageScores {
  at::Tensor map;  ///< float32 [S, S] on the CPU (larger with tiles): the fused map (Eq. 5)
  std::optional<Judgement> judgement;  ///< nothing without a threshold
  HottestRegion region;                ///< its box in pixels of the image
  bool stands_out = false;             ///< whether the region is drawn with a line around it
};

/// What became of one image file of a list.
struct InspectedFile {
  std::size_t index = 0;         ///< in the list
  std::optional<Error> failure;  ///< why there is no finding, which is empty then
  Finding finding;
  at::Tensor pixels;  ///< uint8 [H, W, 3], if asked for
};

/// One product that is inspected: pipeline, bank of its normal images, and what its images are judged by.
///
/// Immutable: any number of threads may call one at once, and each result has the bits that it has alone.
/// Products share a backbone if their pipelines do (Pipeline::with).
class Product {
 public:
  /// Judges by `threshold`, else by the bank's own (Pipeline::calibrated). A calibration that was made with
  /// other settings is not used: changed() says what differs. Throws a data error where the bank does not fit
  /// the pipeline, a settings error for a threshold that is not finite.
  Product(Pipeline pipeline, ReferenceBank bank, std::optional<double> threshold = {});

  const Pipeline& pipeline() const { return pipeline_; }
  const ReferenceBank& bank() const { return bank_; }
  const Measure& measure() const { return measure_; }
  /// Which groups of settings are other than when the bank was calibrated (Pipeline::changed_since).
  const std::vector<std::string>& changed() const { return changed_; }
  /// The map value that normal images reach: the settings' (`overlay.calm`), else as calm_of() says.
  double calm() const { return overlay_.calm; }

  /// Inspects one image. Throws a data error for one that cannot be read, is not an image, or whose scores
  /// are not finite numbers: what is returned is never a verdict on nothing.
  Finding inspect(const ImageView& image) const;
  Finding inspect(const Path& image) const;

  /// Inspects a list of files in memory that does not grow with it: see detect_each().
  std::size_t inspect_each(std::span<const Path> images,
                           const std::function<void(const InspectedFile&)>& take,
                           const EachOptions& options = {}) const;

  /// The heat map of a finding over its image, uint8 RGB (see heat_overlay()), as `res2clip infer` draws it.
  at::Tensor overlay(const ImageView& image, const Finding& finding, const std::string& caption) const;
  /// Of pixels, uint8 [H, W, 3].
  at::Tensor overlay(const at::Tensor& pixels, const Finding& finding, const std::string& caption) const;

 private:
  Finding found(const FetchedScores& scores, std::int64_t row, std::int64_t height, std::int64_t width) const;
  Finding found(const at::Tensor& prepared, const std::string& name, std::int64_t height,
                std::int64_t width) const;

  Pipeline pipeline_;
  ReferenceBank bank_;
  std::vector<std::string> changed_;
  Measure measure_;
  OverlayOptions overlay_;
};

}  // namespace res2clip
