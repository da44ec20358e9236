#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/features.hpp"

namespace res2clip {

/// What the trainer must know of an image before it sees it.
struct TrainingSample {
  std::string name;        ///< as pairs files name it: the path relative to the data root
  std::string category;    ///< class
  bool anomalous = false;  ///< normal images are the candidates for references
};

/// The auxiliary data set, as the trainer sees it: no files, no backbone. The functions take indices into
/// `samples` and throw an Error where they fail.
struct TrainingData {
  std::vector<TrainingSample> samples;
  /// Features of these images, of all layers that are trained, in this order.
  std::function<Features(std::span<const std::int64_t>)> features;
  /// Their masks: uint8 [B, S, S], 0 or 1.
  std::function<at::Tensor(std::span<const std::int64_t>)> masks;
};

}  // namespace res2clip
