#include "res2clip/clip/backbone.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/jit/api/module.h>

#include "res2clip/clip/tokenizer.hpp"
#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/compute/memory.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/unit_length.hpp"

#include "archive_reader.hpp"
#include "cpu/reduced_tower.hpp"
#include "tower.hpp"
#if RES2CLIP_HAS_FUSED_TOWER
#include "cuda/fused_tower.hpp"
#endif

namespace res2clip {
namespace {

constexpr std::int64_t kPromptsAtOnce = 32;

/// Weights of matrix products, which bf16 converts.
bool is_product_weight(const std::string& name) {
  for (const char* ending : {"_in_weight", "_out_weight", "_fc_weight", "_proj_weight"})
    if (name.ends_with(ending)) return true;
  return false;
}

/// What stands for a precision on a GPU: float16 has TF32's mantissa, and half its bytes.
[[maybe_unused]] at::ScalarType fused_type(Precision precision) {
  switch (precision) {
    case Precision::tf32:
      return at::kHalf;
    case Precision::bf16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

Features normalised(const RawFeatures& raw) {
  Features features;
  features.grid = raw.grid;
  features.global = unit_length(raw.global).contiguous();
  for (const auto& [layer, patches] : raw.patches)
    features.patches[layer] = unit_length(patches).contiguous();
  return features;
}

/// Prepared images lie in the range that black and white have. Numbers that are not finite would give scores
/// that are not; raw pixels would give plausible ones. A few times the range leaves room for images that were
/// made up.
void require_prepared(const at::Tensor& images, const Normalisation& normalisation) {
  constexpr double kRoom = 4;
  double furthest = 0;
  for (std::size_t c = 0; c < 3; ++c)
    for (const double value : {0.0, 1.0})
      furthest = std::max(furthest, std::abs((value - normalisation.mean[c]) / normalisation.deviation[c]));
  const auto [low, high] = at::aminmax(images);
  const double least = low.item<double>(), most = high.item<double>();
  if (!std::isfinite(least) || !std::isfinite(most))
    throw data_error("images hold numbers that are not finite (NaN or infinite)");
  if (least < -kRoom * furthest || most > kRoom * furthest)
    throw data_error("images hold values from " + std::to_string(least) + " to " + std::to_string(most) +
                     "; those that prepare_image() makes for this backbone lie between " +
                     std::to_string(-furthest) + " and " + std::to_string(furthest));
}

/// Ids without the columns that are padding in every row: under the causal mask, no feature depends on them.
at::Tensor without_padding(const at::Tensor& tokens) {
  return tokens.narrow(1, 0,
                       tokens.argmax(1).max().item<std::int64_t>() + 1);  // the end token is the largest
}

}  // namespace

struct Backbone::Impl {
  torch::jit::Module module;
  ImageTower tower;
  Tokenizer tokenizer;
  std::string checksum;
  c10::Device device;
  Precision precision;
  std::unique_ptr<BatchLimit> limit = std::make_unique<BatchLimit>();
  std::string arithmetic = std::string(name_of(precision));
  std::optional<cpu::ReducedTower> reduced = std::nullopt;
#if RES2CLIP_HAS_FUSED_TOWER
  std::optional<FusedTower> fused = std::nullopt;
#endif

  /// Weights as the precision's products take them.
  void prepare_tower() {
#if RES2CLIP_HAS_FUSED_TOWER
    if (device.is_cuda() && FusedTower::fits(tower.card)) {
      fused.emplace(tower, fused_type(precision), device);
      return;
    }
#endif
    if (precision != Precision::bf16 && precision != Precision::int8) return;
    if (device.is_cpu()) {
      reduced.emplace(tower, precision);
      if (precision == Precision::int8 && !reduced->full_bytes()) arithmetic += " of 7 bits";
      return;
    }
    tower.product_type = at::kBFloat16;
    for (auto& [name, tensor] : tower.weights)
      if (name.starts_with("vision_") && is_product_weight(name)) tensor = tensor.to(at::kBFloat16);
  }

  /// On a GPU in float16, which stands for TF32 (the same mantissa), numbers may be too large for its range:
  /// then once more, with TF32 itself.
  Features encode_batch(const at::Tensor& images, const std::set<int>& layers) const {
    if (reduced) return normalised(reduced->encode(images, layers));
#if RES2CLIP_HAS_FUSED_TOWER
    if (fused) {
      FusedTower::Encoded encoded = fused->encode(images, layers);
      if (precision != Precision::tf32 || encoded.not_finite.item<int>() == 0)
        return {std::move(encoded.features.global), std::move(encoded.features.patches),
                encoded.features.grid};
    }
#endif
    return normalised(run_tower(tower, images, layers));
  }

  std::set<int> checked_layers(std::span<const int> layers) const {
    for (const int layer : layers)
      if (layer < 1 || layer > tower.card.sizes.vision_layers)
        throw settings_error("layer " + std::to_string(layer) +
                             " is not there: this backbone has blocks 1 to " +
                             std::to_string(tower.card.sizes.vision_layers));
    return {layers.begin(), layers.end()};
  }

  at::Tensor checked_images(const at::Tensor& images) const {
    const auto patch = tower.card.sizes.patch_size;
    if (!images.defined() || images.scalar_type() != at::kFloat)
      throw data_error("images must be float32, as prepare_image() makes them");
    if (images.dim() != 4 || images.size(0) < 1 || images.size(1) != 3 || images.size(2) < patch ||
        images.size(3) < patch || images.size(2) % patch != 0 || images.size(3) % patch != 0)
      throw data_error("images must be [B, 3, H, W] with sides that are multiples of " +
                       std::to_string(patch));
    require_prepared(images, tower.card.form.normalisation);
    // From page-locked memory a GPU copies by itself.
    return images.to(device, at::kFloat, /*non_blocking=*/images.is_pinned()).contiguous();
  }
};

Backbone::Backbone(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Backbone::~Backbone() = default;
Backbone::Backbone(Backbone&&) noexcept = default;
Backbone& Backbone::operator=(Backbone&&) noexcept = default;

Backbone Backbone::load(const Path& archive, const ComputeOptions& compute) try {
  const auto device = apply_compute(compute);
  ReadArchive read = read_archive(archive);
  torch::jit::Module module = archive_module(read.tensors, read.card.card);
  module.to(device);
  ImageTower tower{read.card.card, {}, at::kFloat};
  for (const auto& entry : module.named_parameters(false)) tower.weights[entry.name] = entry.value.detach();
  auto impl = std::make_unique<Impl>(Impl{std::move(module), std::move(tower), Tokenizer::built_in(),
                                          read.card.checksum, device, resolve_precision(compute, device)});
  impl->prepare_tower();
  return Backbone(std::move(impl));
} catch (...) {
  rethrow_as_ours("loading the backbone");
}

Features Backbone::encode(const at::Tensor& images, std::span<const int> layers) const try {
  const at::NoGradGuard no_gradients;  // not inference mode: training reads these tensors
  require_not_forked();
  const at::Tensor input = impl_->checked_images(images);
  const auto wanted = impl_->checked_layers(layers);
  if (input.size(0) < 2) return impl_->encode_batch(input, wanted);
  std::vector<Features> parts;
  if (!input.is_cpu()) {
    impl_->limit->run(input.size(0), [&](std::int64_t first, std::int64_t count) {
      parts.push_back(impl_->encode_batch(input.narrow(0, first, count), wanted));
    });
    return concatenate(parts);
  }
  // On a CPU a larger product is no faster, and it may sum in another order: one by one, an image has the
  // same features in every batch, to the bit.
  for (std::int64_t i = 0; i < input.size(0); ++i)
    parts.push_back(impl_->encode_batch(input.narrow(0, i, 1), wanted));
  return concatenate(parts);
} catch (...) {
  rethrow_as_ours("encoding images");
}

Features Backbone::encode_plain(const at::Tensor& images, std::span<const int> layers) const try {
  const at::NoGradGuard no_gradients;  // not inference mode: training reads these tensors
  require_not_forked();
  const auto wanted = impl_->checked_layers(layers);
  const auto input = impl_->checked_images(images);
  const auto list = c10::List<std::int64_t>(std::vector<std::int64_t>(wanted.begin(), wanted.end()));
  const auto output = impl_->module.get_method("encode_image")({input, list}).toTupleRef().elements().vec();
  RawFeatures raw;
  raw.global = output[0].toTensor();
  const auto patch = impl_->tower.card.sizes.patch_size;
  raw.grid = {input.size(2) / patch, input.size(3) / patch};
  std::size_t i = 0;
  for (const int layer : wanted) raw.patches[layer] = output[1].toTensorVector()[i++];
  return normalised(raw);
} catch (...) {
  rethrow_as_ours("encoding images");
}

at::Tensor Backbone::encode_text(std::span<const std::string> prompts) const try {
  const at::NoGradGuard no_gradients;  // not inference mode: training reads these tensors
  require_not_forked();
  if (prompts.empty()) throw settings_error("there are no prompts to encode");
  const auto context = impl_->tower.card.sizes.context_length;
  std::vector<std::int64_t> ids;
  for (const auto& prompt : prompts) {
    const auto row = impl_->tokenizer.context_ids(prompt, context);
    ids.insert(ids.end(), row.begin(), row.end());
  }
  const auto tokens = without_padding(at::tensor(ids, at::kLong).view({-1, context}));
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < tokens.size(0); first += kPromptsAtOnce) {
    const auto batch =
        tokens.narrow(0, first, std::min(kPromptsAtOnce, tokens.size(0) - first)).to(impl_->device);
    parts.push_back(impl_->module.get_method("encode_text")({batch}).toTensor());
  }
  return at::cat(parts);
} catch (...) {
  rethrow_as_ours("encoding texts");
}

const ModelCard& Backbone::card() const {
  return impl_->tower.card;
}
const std::string& Backbone::checksum() const {
  return impl_->checksum;
}
Precision Backbone::precision() const {
  return impl_->precision;
}
const std::string& Backbone::arithmetic() const {
  return impl_->arithmetic;
}
c10::Device Backbone::device() const {
  return impl_->device;
}

}  // namespace res2clip
