// The image tower with V-V attention, natively: one function per step of a block, in place where a tensor is
// ours.
#include "tower.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_bilinear2d.h>

namespace res2clip {
namespace {

constexpr double kEpsilon = 1e-5;  // of CLIP's layer norms

class TowerRun {
 public:
  TowerRun(const ImageTower& tower, const at::Tensor& images, const std::set<int>& layers)
      : tower_(tower),
        card_(tower.card),
        layers_(layers),
        batch_(images.size(0)),
        width_(card_.sizes.vision_width) {
    x_ = embed_images(tower_, images, grid_);
    tokens_ = grid_.size() + 1;
  }

  RawFeatures run() {
    const auto plan = plan_blocks(card_, layers_);
    RawFeatures found;
    for (std::int64_t block = 0; block < card_.sizes.vision_layers; ++block) {
      const BlockPlan& planned = plan[static_cast<std::size_t>(block)];
      if (planned.starts_vv) vv_ = x_.clone();
      if (planned.class_token_only)
        class_token_block(block, planned.vv);
      else
        full_block(block, planned.vv);
      if (planned.wanted)
        found.patches[static_cast<int>(block) + 1] = patch_features(tower_, planned.of_vv ? vv_ : x_, batch_);
    }
    found.global =
        global_features(tower_, tokens_of_x_ == 1 ? x_ : x_.view({batch_, tokens_, width_}).select(1, 0));
    found.grid = grid_;
    return found;
  }

 private:
  // x_ and vv_ are [B*T, W]; views of them as [B, T, W] where images must be told apart.

  at::Tensor normed(const at::Tensor& x, const char* norm, std::int64_t block) const {
    const std::string name(norm);
    return at::layer_norm(x, {width_}, tower_.block(name + "_weight", block),
                          tower_.block(name + "_bias", block), kEpsilon)
        .to(tower_.product_type);
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const auto out =
        at::scaled_dot_product_attention(split_heads(card_, q), split_heads(card_, k), split_heads(card_, v));
    return out.transpose(1, 2).reshape({-1, width_});
  }

  /// x += a W^T scaled by `scale`, + b.
  static void add_product(at::Tensor& x, const at::Tensor& a, const at::Tensor& weight,
                          const at::Tensor& bias, double scale = 1.0) {
    if (a.scalar_type() == at::kFloat)
      x.addmm_(a, weight.t(), 1.0, scale);
    else
      x.add_(a.mm(weight.t()), scale);
    x.add_(bias);
  }

  void add_attention(at::Tensor& stream, const at::Tensor& attended, std::int64_t block) const {
    add_product(stream, attended, tower_.block("out_weight", block), tower_.block("out_bias", block));
  }

  /// silu(1.702 h) / 1.702 is QuickGELU(h): both factors ride along in the two products.
  void add_feed_forward(at::Tensor& x, std::int64_t block) const {
    const double scale = card_.form.activation == Activation::quick_gelu ? kQuickGelu : 1.0;
    auto h = at::addmm(tower_.block("fc_bias", block).to(tower_.product_type), normed(x, "ln_2", block),
                       tower_.block("fc_weight", block).t(), scale, scale);
    activate(h, card_.form.activation);
    add_product(x, h, tower_.block("proj_weight", block), tower_.block("proj_bias", block), 1.0 / scale);
  }

  void full_block(std::int64_t block, bool vv_needed) {
    const auto qkv = at::linear(normed(x_, "ln_1", block), tower_.block("in_weight", block),
                                tower_.block("in_bias", block).to(tower_.product_type))
                         .view({batch_, tokens_, 3 * width_});
    const auto v = qkv.narrow(2, 2 * width_, width_);
    if (vv_needed) add_attention(vv_, attention(v, v, v), block);
    add_attention(x_, attention(qkv.narrow(2, 0, width_), qkv.narrow(2, width_, width_), v), block);
    add_feed_forward(x_, block);
  }

  /// The last block: nothing but the class token of the original stream is read any more.
  void class_token_block(std::int64_t block, bool vv_needed) {
    const auto h = normed(x_, "ln_1", block);
    const auto weight = tower_.block("in_weight", block);
    const auto bias = tower_.block("in_bias", block).to(tower_.product_type);
    const auto kv = at::linear(h, weight.narrow(0, width_, 2 * width_), bias.narrow(0, width_, 2 * width_))
                        .view({batch_, tokens_, 2 * width_});
    const auto v = kv.narrow(2, width_, width_);
    if (vv_needed) add_attention(vv_, attention(v, v, v), block);
    const auto q = at::linear(h.view({batch_, tokens_, width_}).narrow(1, 0, 1), weight.narrow(0, 0, width_),
                              bias.narrow(0, 0, width_));
    x_ = x_.view({batch_, tokens_, width_}).select(1, 0).contiguous();
    tokens_of_x_ = 1;
    add_attention(x_, attention(q, kv.narrow(2, 0, width_), v), block);
    add_feed_forward(x_, block);
  }

  const ImageTower& tower_;
  const ModelCard& card_;
  const std::set<int>& layers_;
  std::int64_t batch_, width_, tokens_ = 0, tokens_of_x_ = 0;
  Grid grid_;
  at::Tensor x_, vv_;
};

}  // namespace

void activate(at::Tensor& h, Activation activation) {
  switch (activation) {
    case Activation::quick_gelu:
      at::silu_(h);
      break;
    case Activation::gelu:
      at::gelu_(h);
      break;
    case Activation::gelu_tanh:
      at::gelu_(h, "tanh");
      break;
  }
}

at::Tensor position_grid(const at::Tensor& positions, std::int64_t native, const Grid& grid) {
  if (grid.rows == native && grid.cols == native) return positions;
  const auto width = positions.size(1);
  const auto square =
      positions.narrow(0, 1, native * native).reshape({1, native, native, width}).permute({0, 3, 1, 2});
  const auto resized = at::upsample_bilinear2d(square, {grid.rows, grid.cols}, false);
  return at::cat({positions.narrow(0, 0, 1), resized.permute({0, 2, 3, 1}).reshape({grid.size(), width})});
}

std::vector<BlockPlan> plan_blocks(const ModelCard& card, const std::set<int>& layers) {
  const auto depth = card.sizes.vision_layers;
  const auto first_vv = depth - card.encoder.vv_blocks;
  const std::int64_t last_layer = layers.empty() ? 0 : *layers.rbegin();
  std::vector<BlockPlan> plan(static_cast<std::size_t>(depth));
  for (std::int64_t block = 0; block < depth; ++block) {
    BlockPlan& planned = plan[static_cast<std::size_t>(block)];
    planned.of_vv = block >= first_vv;
    planned.vv = planned.of_vv && block < last_layer;
    planned.starts_vv = block == first_vv && planned.vv;
    planned.wanted = layers.contains(static_cast<int>(block) + 1);
    planned.class_token_only = block + 1 == depth && (planned.of_vv || !planned.wanted);
  }
  return plan;
}

at::Tensor embed_images(const ImageTower& tower, const at::Tensor& images, Grid& grid) {
  const ClipSizes& sizes = tower.card.sizes;
  const auto width = sizes.vision_width, batch = images.size(0);
  const auto patches = at::conv2d(images, tower["convolution"], {}, sizes.patch_size);
  grid = {patches.size(2), patches.size(3)};
  const auto start = tower["class_embedding"].reshape({1, 1, width}).expand({batch, 1, width});
  auto x = at::cat({start, patches.flatten(2).transpose(1, 2)}, 1);
  x.add_(position_grid(tower["vision_positions"], sizes.native_size / sizes.patch_size, grid));
  return at::layer_norm(x, {width}, tower["ln_pre_weight"], tower["ln_pre_bias"], kEpsilon)
      .reshape({-1, width});
}

at::Tensor patch_features(const ImageTower& tower, const at::Tensor& stream, std::int64_t batch) {
  const auto width = tower.card.sizes.vision_width, tokens = stream.size(0) / batch;
  auto x = stream.view({batch, tokens, width}).narrow(1, 1, tokens - 1);
  if (tower.card.encoder.patch_ln_post)
    x = at::layer_norm(x, {width}, tower["ln_post_weight"], tower["ln_post_bias"], kEpsilon);
  return tower.card.encoder.patch_projection ? at::matmul(x, tower["vision_projection"]) : x.clone();
}

at::Tensor global_features(const ImageTower& tower, const at::Tensor& class_tokens) {
  auto x = class_tokens;
  if (tower.card.encoder.global_ln_post)
    x = at::layer_norm(x, {tower.card.sizes.vision_width}, tower["ln_post_weight"], tower["ln_post_bias"],
                       kEpsilon);
  return at::matmul(x, tower["vision_projection"]);
}

at::Tensor split_heads(const ModelCard& card, const at::Tensor& x) {
  return x.unflatten(2, {card.vision_heads(), card.form.vision_head_width}).transpose(1, 2);
}

RawFeatures run_tower(const ImageTower& tower, const at::Tensor& images, const std::set<int>& layers) {
  return TowerRun(tower, images, layers).run();
}

}  // namespace res2clip
