#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "fused_tower.hpp"

namespace res2clip {

struct LayerNorm {
  at::Tensor scale, shift;  // [W], float32
};

/// What a block's products read; matrices as [inputs, outputs].
struct FusedBlock {
  LayerNorm ln_1, ln_2;           // float32
  at::Tensor in_weight, in_bias;  // of the product type, as all that follow
  at::Tensor out_weight, fc_weight, fc_bias,
      proj_weight;  // for QuickGELU, fc's times 1.702 and proj's divided by it
};

struct FusedTower::Weights {
  Weights(const ImageTower& tower, at::ScalarType product_type, const c10::Device& device);

  /// The position embedding for a grid, resized once. [1 + N, W]
  at::Tensor positions_for(const Grid& grid) const;

  ModelCard card;
  at::ScalarType type;
  std::vector<FusedBlock> blocks;
  /// Biases that the original stream lacks before block b's attention [2 b], before its feed-forward part
  /// [2 b + 1], and at the end [2 * depth]. Each [W].
  std::vector<at::Tensor> x_bias;
  std::vector<at::Tensor> vv_bias;  ///< the same of the V-V stream after layer i (from 1)
  at::Tensor convolution;           ///< [3 * patch * patch, padded to a multiple of 8; W]
  at::Tensor class_embedding;       ///< [W]
  LayerNorm ln_pre, ln_post;
  at::Tensor projection;  ///< [W, D] of the product type

 private:
  at::Tensor positions_;  // native
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::int64_t, std::int64_t>, at::Tensor> resized_;
};

}  // namespace res2clip
