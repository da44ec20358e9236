#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include <ATen/core/Tensor.h>

#include "res2clip/core/error.hpp"
#include "res2clip/model/fetched_scores.hpp"
#include "res2clip/pipeline/pipeline.hpp"

namespace res2clip {

/// What became of one image of a list. Its scores are always finite.
struct DetectedImage : ImageScores {
  std::size_t index = 0;         ///< in the list
  std::optional<Error> failure;  ///< why there is no result; everything below is empty then
  at::Tensor map;  ///< float32 [S, S] on the CPU (larger with tiles): the fused map (Eq. 5), a copy
  std::int64_t height = 0, width = 0;  ///< of the image in its file
  at::Tensor pixels;                   ///< uint8 [H, W, 3], if asked for
};

/// How a list is gone through. Any function may be empty; what one throws ends it and goes through as it is.
struct EachOptions {
  bool pixels = false;             ///< DetectedImage::pixels are wanted
  ProgressCallback progress = {};  ///< after each image: how many are done
  /// Asked before each batch; true ends it after what is under way.
  std::function<bool()> stop_requested = {};
};

/// Detects images one by one in memory that does not grow with the list (see Inspector), and gives each to
/// `take`, in the order of the list: an image that cannot be read, or whose score is not finite, is a failure
/// of that image alone. `take` and `progress` are called one at a time, by another thread than the caller's;
/// `stop_requested` by the caller's. Returns how many images were taken: all, unless a stop was requested.
/// The numbers are the bits that Pipeline::detect gives. Throws a data error where the bank does not fit.
std::size_t detect_each(const Pipeline& pipeline, std::span<const Path> images, const ReferenceBank& bank,
                        const std::function<void(const DetectedImage&)>& take,
                        const EachOptions& options = {});

}  // namespace res2clip
