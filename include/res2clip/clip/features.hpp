#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"

namespace res2clip {

/// What the backbone says of a batch of B images: the boundary between the frozen network and everything
/// else. All features are L2-normalised over the last dimension, float32, contiguous, on the backbone's
/// device.
struct Features {
  at::Tensor global;  ///< [B, D]
  /// Layer (blocks count from 1) -> [B, N, D], N = grid.size(), row-major.
  std::map<int, at::Tensor> patches;
  Grid grid;

  std::int64_t batch() const { return global.size(0); }
};

/// The same features on another device.
Features to_device(Features features, c10::Device device);
/// Batches one after the other along B. All must have the same grid and layers.
Features concatenate(const std::vector<Features>& parts);

}  // namespace res2clip
