#include "fused_tower_weights.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/zeros.h>

namespace res2clip {
namespace {

constexpr std::int64_t kAlignedColumns = 8;  // 16 bytes of float16, which tensor cores read at once

}  // namespace

FusedTower::Weights::Weights(const ImageTower& tower, at::ScalarType product_type, const c10::Device& device)
    : card(tower.card), type(product_type) {
  const auto here = [&](const at::Tensor& tensor) { return tensor.to(device, at::kFloat).contiguous(); };
  const auto factor = [&](const at::Tensor& tensor) { return tensor.to(device).to(type).contiguous(); };
  const auto matrix = [&](const at::Tensor& tensor) { return factor(tensor).t(); };
  const auto norm = [&](const std::string& name) {
    return LayerNorm{here(tower[name + "_weight"]), here(tower[name + "_bias"])};
  };
  // silu(1.702 h) / 1.702 is QuickGELU(h): both factors ride along in the two products.
  const double factor_of_gelu = card.form.activation == Activation::quick_gelu ? kQuickGelu : 1.0;
  for (std::int64_t block = 0; block < card.sizes.vision_layers; ++block) {
    const auto of_block = [&](const char* name) { return tower.block(name, block); };
    blocks.push_back({{here(of_block("ln_1_weight")), here(of_block("ln_1_bias"))},
                      {here(of_block("ln_2_weight")), here(of_block("ln_2_bias"))},
                      matrix(of_block("in_weight")),
                      factor(of_block("in_bias")),
                      matrix(of_block("out_weight")),
                      matrix(of_block("fc_weight") * factor_of_gelu),
                      factor(of_block("fc_bias") * factor_of_gelu),
                      matrix(of_block("proj_weight") / factor_of_gelu)});
  }

  const auto first_vv = card.sizes.vision_layers - card.encoder.vv_blocks;
  auto x = at::zeros({card.sizes.vision_width}, at::kDouble), vv = x;
  vv_bias.resize(static_cast<std::size_t>(card.sizes.vision_layers) + 1);
  for (std::int64_t block = 0; block < card.sizes.vision_layers; ++block) {
    const auto out_bias = tower.block("out_bias", block).to(at::kCPU, at::kDouble);
    if (block == first_vv) vv = x;
    x_bias.push_back(here(x));
    x = x + out_bias;
    x_bias.push_back(here(x));
    x = x + tower.block("proj_bias", block).to(at::kCPU, at::kDouble);
    vv = vv + out_bias;
    if (block >= first_vv) vv_bias[static_cast<std::size_t>(block) + 1] = here(vv);
  }
  x_bias.push_back(here(x));

  const auto kernel = tower["convolution"].reshape({card.sizes.vision_width, -1});
  const auto missing = (kAlignedColumns - kernel.size(1) % kAlignedColumns) % kAlignedColumns;
  convolution = matrix(at::constant_pad_nd(kernel, {0, missing}));
  class_embedding = here(tower["class_embedding"]).reshape({-1});
  ln_pre = norm("ln_pre");
  ln_post = norm("ln_post");
  projection = factor(tower["vision_projection"]);
  positions_ = here(tower["vision_positions"]);
}

at::Tensor FusedTower::Weights::positions_for(const Grid& grid) const {
  const std::lock_guard lock(mutex_);
  auto& resized = resized_[{grid.rows, grid.cols}];
  if (!resized.defined())
    resized = position_grid(positions_, card.sizes.native_size / card.sizes.patch_size, grid).contiguous();
  return resized;
}

}  // namespace res2clip
