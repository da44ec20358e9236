#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/features/feature_source.hpp"

namespace res2clip {

/// What the trainer must know of an image before it sees it.
struct TrainingSample {
  std::string name;        ///< as pairs files name it: the path relative to the data root
  std::string category;    ///< class
  bool anomalous = false;  ///< normal images are the candidates for references
  Path image = {};         ///< what `features` are asked for
};

/// The auxiliary data set, as the trainer sees it: no backbone. What its sources give is checked at every
/// step: a batch of other size, shape or type, a layer that is missing, numbers that are not finite, and
/// masks that hold anything but 0 and 1 are data errors that name the images.
struct TrainingData {
  std::vector<TrainingSample> samples;
  /// Features of all layers that are trained.
  FeatureSource& features;
  /// The masks of these samples: uint8 [B, S, S], 0 or 1. Throws an Error if it fails.
  std::function<at::Tensor(std::span<const std::int64_t>)> masks;

  /// The files of these samples.
  std::vector<Path> images_of(std::span<const std::int64_t> indices) const;
};

}  // namespace res2clip
