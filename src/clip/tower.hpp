#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/model_card.hpp"
#include "res2clip/core/grid.hpp"

namespace res2clip {

/// The image tower's weights as the archive holds them; block weights are stacked [blocks, ...].
struct ImageTower {
  ModelCard card;
  std::map<std::string, at::Tensor> weights;  // of the names in archive_module.cpp
  at::ScalarType product_type = at::kFloat;   // of matrix products and attention; everything else is float32

  const at::Tensor& operator[](const std::string& name) const { return weights.at(name); }
  /// Of block `block`, counted from 0: a view.
  at::Tensor block(const std::string& name, std::int64_t block) const {
    return weights.at("vision_" + name).select(0, block);
  }
};

/// Features before normalisation.
struct RawFeatures {
  at::Tensor global;                  // [B, D]
  std::map<int, at::Tensor> patches;  // layer -> [B, N, D]
  Grid grid;
};

constexpr double kQuickGelu = 1.702;  ///< QuickGELU(x) = x * sigmoid(1.702 x)

/// In place. Of QuickGELU only silu: silu(1.702 x) / 1.702 is QuickGELU(x), and the factors are the
/// products'.
void activate(at::Tensor& x, Activation activation);

/// The position embedding [1 + N, W] for another grid than the native one: resized bilinearly, the class
/// token's kept. Always from the native grid (released-code behaviour resizes an already resized one; that is
/// a defect).
at::Tensor position_grid(const at::Tensor& positions, std::int64_t native, const Grid& grid);

/// What of a block is computed for the layers that are asked for.
struct BlockPlan {
  bool starts_vv = false;         // the V-V stream begins here, as a copy of the original one
  bool vv = false;                // it goes through this block
  bool class_token_only = false;  // of the original stream nothing else is read any more
  bool wanted = false;            // patches after it are asked for: of the V-V stream once that has begun,
  bool of_vv = false;             // of the original one before
};
std::vector<BlockPlan> plan_blocks(const ModelCard& card, const std::set<int>& layers);

/// Images -> the original stream before the first block, [B * (1 + N), W], and its grid.
at::Tensor embed_images(const ImageTower& tower, const at::Tensor& images, Grid& grid);

/// A stream [B * (1 + N), W] -> patch features [B, N, D].
at::Tensor patch_features(const ImageTower& tower, const at::Tensor& stream, std::int64_t batch);

/// Class tokens [B, W] -> global features [B, D].
at::Tensor global_features(const ImageTower& tower, const at::Tensor& class_tokens);

/// [B, T, W], any strides over T -> [B, heads, T, W / heads]
at::Tensor split_heads(const ModelCard& card, const at::Tensor& x);

/// The dual path without the work that nothing reads (see Backbone::encode).
RawFeatures run_tower(const ImageTower& tower, const at::Tensor& images, const std::set<int>& layers);

}  // namespace res2clip
