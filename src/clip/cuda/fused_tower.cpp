#include "fused_tower.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "res2clip/compute/memory.hpp"
#include "res2clip/core/error.hpp"

#include "encode_graphs.hpp"
#include "fused_tower_weights.hpp"
#include "tower_rows.hpp"

namespace res2clip {
namespace {

void require_started(int code, const char* what) {
  if (code != 0)
    throw runtime_error(std::string("clip: the kernel for ") + what +
                        " could not start: " + cuda::row_error_text(code));
}

cuda::RowType row_type(at::ScalarType type) {
  if (type == at::kHalf) return cuda::RowType::float16;
  if (type == at::kBFloat16) return cuda::RowType::bfloat16;
  return cuda::RowType::float32;
}

const float* floats(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

/// a b as float32, whatever the type of a and b.
at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == at::kFloat ? at::mm(a, b) : at::mm(a, b, at::kFloat);
}

/// sum += a b, with `sum` float32.
void add_product(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() == at::kFloat)
    sum.addmm_(a, b);
  else
    at::addmm_out(sum, sum, a, b, at::kFloat);
}

/// LibTorch prefers cuDNN's attention from this compute capability on, for types of 16 bits.
bool cudnn_attends(at::ScalarType type, const c10::Device& device) {
  constexpr int kHopper = 9;
  return type != at::kFloat && at::cuda::getDeviceProperties(device.index())->major >= kHopper;
}

at::Tensor padded(const at::Tensor& images, std::int64_t size) {
  return at::cat({images, images.narrow(0, 0, 1).expand({size - images.size(0), -1, -1, -1})});
}

RawFeatures first_images(RawFeatures features, std::int64_t count) {
  features.global = features.global.narrow(0, 0, count);
  for (auto& [layer, patches] : features.patches) patches = patches.narrow(0, 0, count);
  return features;
}

}  // namespace

/// One batch. x_ and vv_ are [B*T, W], float32, without the biases that weights_.x_bias and weights_.vv_bias
/// hold for them.
class FusedTower::Run {
 public:
  Run(const Weights& weights, const at::Tensor& images, const std::set<int>& layers)
      : weights_(weights),
        card_(weights.card),
        layers_(layers),
        stream_(c10::cuda::getCurrentCUDAStream(images.get_device()).stream()),
        batch_(images.size(0)),
        width_(card_.sizes.vision_width),
        not_finite_(at::zeros({1}, images.options().dtype(at::kInt))) {
    embed(images);
  }

  Encoded run() {
    const auto plan = plan_blocks(card_, layers_);
    RawFeatures found;
    for (std::int64_t block = 0; block < card_.sizes.vision_layers; ++block) {
      const BlockPlan& planned = plan[static_cast<std::size_t>(block)];
      if (planned.starts_vv) vv_ = x_.clone();
      if (planned.class_token_only)
        class_token_block(block, planned.vv);
      else
        full_block(block, planned.vv);
      const int layer = static_cast<int>(block) + 1;
      if (planned.wanted)
        found.patches[layer] = planned.of_vv ? patch_features(vv_, weights_.vv_bias[layer])
                                             : patch_features(x_, weights_.x_bias[2 * layer]);
    }
    found.global = global_feature();
    found.grid = grid_;
    return {std::move(found), not_finite_};
  }

 private:
  void embed(const at::Tensor& images) {
    const auto patch = card_.sizes.patch_size;
    grid_ = {images.size(2) / patch, images.size(3) / patch};
    tokens_ = grid_.size() + 1;
    // Patches as rows: the convolution is a product, of columns padded to what tensor cores take.
    auto columns = at::zeros({batch_ * grid_.size(), weights_.convolution.size(0)},
                             images.options().dtype(weights_.type));
    const auto pixels = 3 * patch * patch;
    columns.narrow(1, 0, pixels)
        .view({batch_, grid_.rows, grid_.cols, 3, patch, patch})
        .copy_(images.view({batch_, 3, grid_.rows, patch, grid_.cols, patch}).permute({0, 2, 4, 1, 3, 5}));
    const auto patches = product(columns, weights_.convolution);
    const auto positions = weights_.positions_for(grid_);
    x_ = at::empty({batch_ * tokens_, width_}, patches.options());
    require_started(cuda::embed_rows({floats(patches), floats(weights_.class_embedding), floats(positions),
                                      floats(weights_.ln_pre.scale), floats(weights_.ln_pre.shift),
                                      x_.data_ptr<float>(), batch_, tokens_, width_},
                                     stream_),
                    "embedding patches");
  }

  /// LayerNorm(x + bias) of every image's `tokens` rows but the first `skipped`.
  at::Tensor normed(const at::Tensor& x, const at::Tensor& bias, const LayerNorm& norm, at::ScalarType type,
                    std::int64_t tokens, std::int64_t skipped = 0) const {
    const auto out = at::empty({batch_ * (tokens - skipped), width_}, x.options().dtype(type));
    require_started(cuda::normalise_rows({floats(x), floats(bias), floats(norm.scale), floats(norm.shift),
                                          out.data_ptr(), row_type(type), batch_, tokens, skipped, width_},
                                         stream_),
                    "layer norms");
    return out;
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const auto out =
        at::scaled_dot_product_attention(split_heads(card_, q), split_heads(card_, k), split_heads(card_, v));
    return out.transpose(1, 2).reshape({-1, width_});
  }

  void add_feed_forward(std::int64_t block, const at::Tensor& bias, std::int64_t tokens) {
    const auto& weights = weights_.blocks[static_cast<std::size_t>(block)];
    auto h =
        at::addmm(weights.fc_bias, normed(x_, bias, weights.ln_2, weights_.type, tokens), weights.fc_weight);
    activate(h, card_.form.activation);
    add_product(x_, h, weights.proj_weight);
  }

  void full_block(std::int64_t block, bool vv_needed) {
    const auto& weights = weights_.blocks[static_cast<std::size_t>(block)];
    const auto h = normed(x_, weights_.x_bias[2 * block], weights.ln_1, weights_.type, tokens_);
    const auto qkv = at::addmm(weights.in_bias, h, weights.in_weight).view({batch_, tokens_, 3 * width_});
    const auto v = qkv.narrow(2, 2 * width_, width_);
    if (vv_needed) add_product(vv_, attention(v, v, v), weights.out_weight);
    add_product(x_, attention(qkv.narrow(2, 0, width_), qkv.narrow(2, width_, width_), v),
                weights.out_weight);
    add_feed_forward(block, weights_.x_bias[2 * block + 1], tokens_);
  }

  /// The last block: nothing but the class token of the original stream is read any more.
  void class_token_block(std::int64_t block, bool vv_needed) {
    const auto& weights = weights_.blocks[static_cast<std::size_t>(block)];
    const auto h = normed(x_, weights_.x_bias[2 * block], weights.ln_1, weights_.type, tokens_);
    const auto kv = at::addmm(weights.in_bias.narrow(0, width_, 2 * width_), h,
                              weights.in_weight.narrow(1, width_, 2 * width_))
                        .view({batch_, tokens_, 2 * width_});
    const auto v = kv.narrow(2, width_, width_);
    if (vv_needed) add_product(vv_, attention(v, v, v), weights.out_weight);
    const auto q =
        at::addmm(weights.in_bias.narrow(0, 0, width_), h.view({batch_, tokens_, width_}).select(1, 0),
                  weights.in_weight.narrow(1, 0, width_));
    x_ = x_.view({batch_, tokens_, width_}).select(1, 0).contiguous();
    add_product(x_, attention_of_class_token(q, kv.narrow(2, 0, width_), v), weights.out_weight);
    only_class_token_ = true;
    add_feed_forward(block, weights_.x_bias[2 * block + 1], 1);
  }

  /// One query an image: two small products. (cuDNN would make a plan of its own for it, which takes longer
  /// than many batches.) q [B, W], k and v [B, T, W] -> [B, W].
  at::Tensor attention_of_class_token(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const auto count = card_.vision_heads(), size = card_.form.vision_head_width;
    const auto together = [&](const at::Tensor& x) {
      return split_heads(card_, x).reshape({batch_ * count, tokens_, size}).to(at::kFloat);
    };
    const auto queries = q.to(at::kFloat).view({batch_ * count, 1, size});
    const auto scores =
        at::bmm(queries, together(k).transpose(1, 2)).mul_(1.0 / std::sqrt(static_cast<double>(size)));
    return at::bmm(at::softmax(scores, -1), together(v)).view({batch_, width_}).to(weights_.type);
  }

  /// Unit length, row by row, in place.
  at::Tensor unit(at::Tensor features) const {
    require_started(cuda::unit_rows({features.data_ptr<float>(), not_finite_.data_ptr<int>(),
                                     features.numel() / features.size(-1), features.size(-1)},
                                    stream_),
                    "unit lengths");
    return features;
  }

  at::Tensor patch_features(const at::Tensor& stream, const at::Tensor& bias) const {
    const auto type = card_.encoder.patch_projection ? weights_.type : at::kFloat;
    const auto rows = card_.encoder.patch_ln_post ? normed(stream, bias, weights_.ln_post, type, tokens_, 1)
                                                  : (stream + bias)
                                                        .view({batch_, tokens_, width_})
                                                        .narrow(1, 1, tokens_ - 1)
                                                        .reshape({-1, width_})
                                                        .to(type);
    const auto features = card_.encoder.patch_projection ? product(rows, weights_.projection) : rows;
    return unit(features).view({batch_, tokens_ - 1, -1});
  }

  at::Tensor global_feature() const {
    auto x = only_class_token_ ? x_ : x_.view({batch_, tokens_, width_}).select(1, 0);
    x = x + weights_.x_bias[2 * card_.sizes.vision_layers];
    if (card_.encoder.global_ln_post)
      x = at::layer_norm(x, {width_}, weights_.ln_post.scale, weights_.ln_post.shift, 1e-5);
    return unit(at::mm(x, weights_.projection.to(at::kFloat)));
  }

  const Weights& weights_;
  const ModelCard& card_;
  const std::set<int>& layers_;
  cudaStream_t stream_;
  std::int64_t batch_, width_, tokens_ = 0;
  bool only_class_token_ = false;
  Grid grid_;
  at::Tensor x_, vv_, not_finite_;
};

FusedTower::FusedTower(const ImageTower& tower, at::ScalarType product_type, const c10::Device& device)
    : weights_(std::make_unique<const Weights>(tower, product_type, device)),
      graphs_(std::make_unique<Graphs>()),
      padding_(cudnn_attends(product_type, device) ? std::make_unique<BatchPadding>() : nullptr) {}
FusedTower::~FusedTower() = default;
FusedTower::FusedTower(FusedTower&&) noexcept = default;
FusedTower& FusedTower::operator=(FusedTower&&) noexcept = default;

bool FusedTower::fits(const ModelCard& card) {
  return cuda::takes_width(card.sizes.vision_width) &&
         (!card.encoder.patch_projection || cuda::takes_width(card.sizes.embed_dim));
}

FusedTower::Encoded FusedTower::encode_as_it_is(const at::Tensor& images, const std::set<int>& layers) const {
  return graphs_->encode(images, layers,
                         [&](const at::Tensor& batch) { return Run(*weights_, batch, layers).run(); });
}

FusedTower::Encoded FusedTower::encode(const at::Tensor& images, const std::set<int>& layers) const {
  const c10::cuda::CUDAGuard on_device(images.device());
  if (!padding_) return encode_as_it_is(images, layers);
  const std::int64_t count = images.size(0), size = padding_->size_for(count);
  if (size > count) try {
      const Encoded encoded = encode_as_it_is(padded(images, size), layers);
      return {first_images(encoded.features, count), encoded.not_finite};
    } catch (const std::exception& error) {
      if (!out_of_memory_message(error)) throw;
      padding_->forget();
    }
  Encoded encoded = encode_as_it_is(images, layers);
  padding_->encoded(count);
  return encoded;
}

}  // namespace res2clip
