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
    embed(images);
  }

  RawFeatures run() {
    const auto depth = card_.sizes.vision_layers;
    const auto first_vv = depth - card_.encoder.vv_blocks;
    const std::int64_t last_layer = layers_.empty() ? 0 : *layers_.rbegin();
    RawFeatures found;
    for (std::int64_t block = 0; block < depth; ++block) {
      const bool dual = block >= first_vv;
      const bool vv_needed = dual && block < last_layer;
      const bool original_read = !dual && layers_.contains(static_cast<int>(depth));
      if (block == first_vv && vv_needed) vv_ = x_.clone();
      if (block + 1 == depth && !original_read)
        class_token_block(block, vv_needed);
      else
        full_block(block, vv_needed);
      const int layer = static_cast<int>(block) + 1;
      if (layers_.contains(layer)) found.patches[layer] = patch_features(dual ? vv_ : x_);
    }
    found.global = global_feature();
    found.grid = grid_;
    return found;
  }

 private:
  // x_ and vv_ are [B*T, W]; views of them as [B, T, W] where images must be told apart.

  void embed(const at::Tensor& images) {
    const auto patches = at::conv2d(images, tower_["convolution"], {}, card_.sizes.patch_size);
    grid_ = {patches.size(2), patches.size(3)};
    tokens_ = grid_.size() + 1;
    const auto start = tower_["class_embedding"].reshape({1, 1, width_}).expand({batch_, 1, width_});
    auto x = at::cat({start, patches.flatten(2).transpose(1, 2)}, 1);
    x.add_(
        position_grid(tower_["vision_positions"], card_.sizes.native_size / card_.sizes.patch_size, grid_));
    x_ = at::layer_norm(x, {width_}, tower_["ln_pre_weight"], tower_["ln_pre_bias"], kEpsilon)
             .reshape({-1, width_});
  }

  at::Tensor normed(const at::Tensor& x, const char* norm, std::int64_t block) const {
    const std::string name(norm);
    return at::layer_norm(x, {width_}, tower_.block(name + "_weight", block),
                          tower_.block(name + "_bias", block), kEpsilon)
        .to(tower_.product_type);
  }

  at::Tensor heads(const at::Tensor& x) const {  // [B, T, W], any strides over T -> [B, heads, T, W / heads]
    return x.unflatten(2, {card_.vision_heads(), card_.form.vision_head_width}).transpose(1, 2);
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const auto out = at::scaled_dot_product_attention(heads(q), heads(k), heads(v));
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

  at::Tensor patch_features(const at::Tensor& stream) const {
    auto x = stream.view({batch_, tokens_, width_}).narrow(1, 1, tokens_ - 1);
    if (card_.encoder.patch_ln_post)
      x = at::layer_norm(x, {width_}, tower_["ln_post_weight"], tower_["ln_post_bias"], kEpsilon);
    return card_.encoder.patch_projection ? at::matmul(x, tower_["vision_projection"]) : x.clone();
  }

  at::Tensor global_feature() const {
    auto x = tokens_of_x_ == 1 ? x_ : x_.view({batch_, tokens_, width_}).select(1, 0);
    if (card_.encoder.global_ln_post)
      x = at::layer_norm(x, {width_}, tower_["ln_post_weight"], tower_["ln_post_bias"], kEpsilon);
    return at::matmul(x, tower_["vision_projection"]);
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

RawFeatures run_tower(const ImageTower& tower, const at::Tensor& images, const std::set<int>& layers) {
  return TowerRun(tower, images, layers).run();
}

}  // namespace res2clip
