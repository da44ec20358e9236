#include "res2clip/model/adapters.hpp"

#include <cmath>
#include <numbers>

#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/random.hpp"

#include "adapter_parts.hpp"

namespace res2clip {
namespace {

constexpr double kNormEps = 1e-5;

at::Tensor normalise(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  return at::layer_norm(input, weight.sizes(), weight, bias, kNormEps);
}

/// A 3x3 depthwise convolution that keeps the size: zero padding as wide as the dilation.
at::Tensor depthwise(const at::Tensor& map, const at::Tensor& weight, std::int64_t dilation) {
  return at::conv2d(map, weight, {}, 1, dilation, dilation, weight.size(0));
}

at::Tensor uniform(std::vector<std::int64_t> shape, double bound, RandomStream stream) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    values[i] = static_cast<float>(stream.uniform(-bound, bound));
  return tensor;
}

at::Tensor normal(std::vector<std::int64_t> shape, double deviation, RandomStream stream) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - stream.uniform()));  // Box and Muller
    values[i] = static_cast<float>(deviation * radius * std::cos(2.0 * std::numbers::pi * stream.uniform()));
  }
  return tensor;
}

at::Tensor fresh_tensor(const AdapterTensor& which, std::int64_t d, std::uint64_t seed) {
  const std::vector<std::int64_t> shape = which.shape(d);
  switch (which.fresh) {
    case FreshTensor::ones:
      return at::ones(shape, at::kFloat);
    case FreshTensor::zeros:
      return at::zeros(shape, at::kFloat);
    case FreshTensor::linear:  // PyTorch's default, Kaiming uniform with a = sqrt(5); [outputs, inputs]
      return uniform(shape, 1.0 / std::sqrt(static_cast<double>(shape[1])), RandomStream(seed, which.name()));
    case FreshTensor::depthwise:  // Kaiming normal, ReLU; PyTorch counts all d output channels into the
                                  // fan-out
      return normal(shape, std::sqrt(2.0 / (9.0 * static_cast<double>(d))), RandomStream(seed, which.name()));
  }
  return {};
}

void require_layers(const std::map<int, LocalAdapter>& adapters, std::span<const int> layers,
                    AdapterGroup group, const std::string& source) {
  for (const int layer : layers) {
    if (adapters.contains(layer)) continue;
    std::vector<std::string> there;
    for (const auto& [number, adapter] : adapters) there.push_back(std::to_string(number));
    throw data_error(source + ": " + std::string(name_of(group)) + " has no adapter of layer " +
                     std::to_string(layer) + " (it has " + (there.empty() ? "none" : one_of(there)) +
                     "); choose other layers or another checkpoint");
  }
}

}  // namespace

at::Tensor adapt_local(const LocalAdapter& adapter, const at::Tensor& residual, const Grid& grid) {
  TORCH_INTERNAL_ASSERT(residual.dim() == 3 && residual.size(1) == grid.size());
  const std::int64_t batch = residual.size(0);
  const std::int64_t d = adapter.down_weight.size(0);
  const at::Tensor narrow =
      at::relu(at::linear(normalise(residual, adapter.norm_weight, adapter.norm_bias), adapter.down_weight));
  const at::Tensor map = narrow.transpose(1, 2).reshape({batch, d, grid.rows, grid.cols});
  const at::Tensor scales = at::cat(
      {map, depthwise(map, adapter.conv_fine_weight, 1), depthwise(map, adapter.conv_coarse_weight, 2)}, 1);
  const at::Tensor sequence = scales.flatten(2).transpose(1, 2);  // [B, N, 3d]
  const at::Tensor blended = at::relu(at::linear(
      normalise(sequence, adapter.internal_norm_weight, adapter.internal_norm_bias), adapter.blend_weight));
  return residual.add(at::linear(blended, adapter.up_weight));
}

at::Tensor adapt_global(const GlobalAdapter& adapter, const at::Tensor& residual) {
  const at::Tensor hidden =
      at::gelu(at::linear(normalise(residual, adapter.norm_weight, adapter.norm_bias), adapter.fc1_weight));
  return residual.add(at::linear(hidden, adapter.fc2_weight));
}

Adapters fresh_adapters(std::int64_t embed_dim, std::span<const int> visual_layers,
                        std::span<const int> residual_layers, std::uint64_t seed) {
  if (embed_dim <= 0 || embed_dim % 4 != 0)
    throw settings_error("adapters need features whose width is a multiple of 4; this one is " +
                         std::to_string(embed_dim));
  Adapters adapters;
  for (const int layer : visual_layers) adapters.vis_adapters[layer];
  for (const int layer : residual_layers) adapters.res_vis_local_adapters[layer];
  for_each_tensor(adapters, [&](const AdapterTensor& which, at::Tensor& tensor) {
    tensor = fresh_tensor(which, embed_dim / 4, seed);
  });
  return adapters;
}

std::string AdapterTensor::key() const {
  return (layer > 0 ? std::to_string(layer) + "." : "") + std::string(part);
}

std::string AdapterTensor::name() const {
  return std::string(name_of(group)) + "." + key();
}

void for_each_tensor(Adapters& adapters,
                     const std::function<void(const AdapterTensor&, at::Tensor&)>& visit) {
  for (const LocalGroup& group : kLocalGroups)
    for (auto& [layer, adapter] : adapters.*group.layers)
      for (const auto& part : kLocalParts)
        visit({group.group, layer, part.key, part.shape, part.fresh}, adapter.*part.tensor);
  for (const GlobalGroup& group : kGlobalGroups)
    for (const auto& part : kGlobalParts)
      visit({group.group, 0, part.key, part.shape, part.fresh}, (adapters.*group.adapter).*part.tensor);
}

void for_each_tensor(const Adapters& adapters,
                     const std::function<void(const AdapterTensor&, const at::Tensor&)>& visit) {
  Adapters copy = adapters;  // handles only: the tensors are shared
  for_each_tensor(copy, [&](const AdapterTensor& which, at::Tensor& tensor) { visit(which, tensor); });
}

std::int64_t embed_dim(const Adapters& adapters) {
  return adapters.text_adapter.norm_weight.size(0);
}

Adapters to_device(const Adapters& adapters, c10::Device device) {
  Adapters moved = adapters;
  for_each_tensor(moved, [&](const AdapterTensor&, at::Tensor& tensor) { tensor = tensor.to(device); });
  return moved;
}

void require_fit(const Adapters& adapters, std::int64_t width, std::span<const int> visual_layers,
                 std::span<const int> residual_layers, const std::string& source) {
  if (embed_dim(adapters) != width)
    throw data_error(source + ": adapters are made for features of width " +
                     std::to_string(embed_dim(adapters)) + "; the backbone gives " + std::to_string(width));
  require_layers(adapters.vis_adapters, visual_layers, AdapterGroup::visual, source);
  require_layers(adapters.res_vis_local_adapters, residual_layers, AdapterGroup::residual_local, source);
}

}  // namespace res2clip
