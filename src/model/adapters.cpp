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

/// A linear layer [outputs, inputs] with PyTorch's default initialisation, Kaiming uniform with a = sqrt(5).
at::Tensor fresh_linear(std::int64_t outputs, std::int64_t inputs, RandomStream stream) {
  return uniform({outputs, inputs}, 1.0 / std::sqrt(static_cast<double>(inputs)), stream);
}

/// Kaiming normal, fan-out, ReLU. PyTorch counts all d output channels into the fan-out of a depthwise
/// convolution.
at::Tensor fresh_depthwise(std::int64_t d, RandomStream stream) {
  return normal({d, 1, 3, 3}, std::sqrt(2.0 / (9.0 * static_cast<double>(d))), stream);
}

LocalAdapter fresh_local(std::int64_t D, std::uint64_t seed, const std::string& name) {
  const std::int64_t d = D / 4;
  LocalAdapter adapter;
  adapter.norm_weight = at::ones({D}, at::kFloat);
  adapter.norm_bias = at::zeros({D}, at::kFloat);
  adapter.down_weight = fresh_linear(d, D, RandomStream(seed, name + ".down.weight"));
  adapter.conv_fine_weight = fresh_depthwise(d, RandomStream(seed, name + ".conv_fine.weight"));
  adapter.conv_coarse_weight = fresh_depthwise(d, RandomStream(seed, name + ".conv_coarse.weight"));
  adapter.internal_norm_weight = at::ones({3 * d}, at::kFloat);
  adapter.internal_norm_bias = at::zeros({3 * d}, at::kFloat);
  adapter.blend_weight = fresh_linear(d, 3 * d, RandomStream(seed, name + ".blend.weight"));
  adapter.up_weight = at::zeros({D, d}, at::kFloat);
  return adapter;
}

GlobalAdapter fresh_global(std::int64_t D, std::uint64_t seed, const std::string& name) {
  GlobalAdapter adapter;
  adapter.norm_weight = at::ones({D}, at::kFloat);
  adapter.norm_bias = at::zeros({D}, at::kFloat);
  adapter.fc1_weight = fresh_linear(D / 4, D, RandomStream(seed, name + ".fc1.weight"));
  adapter.fc2_weight = at::zeros({D, D / 4}, at::kFloat);
  return adapter;
}

void expect_layers(const std::map<int, LocalAdapter>& adapters, std::span<const int> layers,
                   const std::string& group, const std::string& source) {
  for (const int layer : layers) {
    if (adapters.contains(layer)) continue;
    std::vector<std::string> there;
    for (const auto& [number, adapter] : adapters) there.push_back(std::to_string(number));
    throw data_error(source + ": " + group + " has no adapter of layer " + std::to_string(layer) +
                     " (it has " + (there.empty() ? "none" : one_of(there)) +
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
  for (const int layer : visual_layers)
    adapters.vis_adapters[layer] = fresh_local(embed_dim, seed, "vis_adapters." + std::to_string(layer));
  for (const int layer : residual_layers)
    adapters.res_vis_local_adapters[layer] =
        fresh_local(embed_dim, seed, "res_vis_local_adapters." + std::to_string(layer));
  adapters.res_vis_global_adapter = fresh_global(embed_dim, seed, "res_vis_global_adapter");
  adapters.res_text_adapter = fresh_global(embed_dim, seed, "res_text_adapter");
  adapters.text_adapter = fresh_global(embed_dim, seed, "text_adapter");
  return adapters;
}

void for_each_tensor(LocalAdapter& adapter,
                     const std::function<void(const std::string&, at::Tensor&)>& visit) {
  visit("norm.weight", adapter.norm_weight);
  visit("norm.bias", adapter.norm_bias);
  visit("down.weight", adapter.down_weight);
  visit("conv_fine.weight", adapter.conv_fine_weight);
  visit("conv_coarse.weight", adapter.conv_coarse_weight);
  visit("internal_norm.weight", adapter.internal_norm_weight);
  visit("internal_norm.bias", adapter.internal_norm_bias);
  visit("blend.weight", adapter.blend_weight);
  visit("up.weight", adapter.up_weight);
}

void for_each_tensor(GlobalAdapter& adapter,
                     const std::function<void(const std::string&, at::Tensor&)>& visit) {
  visit("norm.weight", adapter.norm_weight);
  visit("norm.bias", adapter.norm_bias);
  visit("fc1.weight", adapter.fc1_weight);
  visit("fc2.weight", adapter.fc2_weight);
}

void for_each_tensor(Adapters& adapters,
                     const std::function<void(const AdapterTensor&, at::Tensor&)>& visit) {
  const auto locals = [&](const std::string& group, std::map<int, LocalAdapter>& layers) {
    for (auto& [layer, adapter] : layers)
      for_each_tensor(adapter, [&, number = layer](const std::string& key, at::Tensor& tensor) {
        visit({group, std::to_string(number) + "." + key}, tensor);
      });
  };
  const auto global = [&](const std::string& group, GlobalAdapter& adapter) {
    for_each_tensor(adapter, [&](const std::string& key, at::Tensor& tensor) {
      visit({group, key}, tensor);
    });
  };
  locals("vis_adapters", adapters.vis_adapters);
  locals("res_vis_local_adapters", adapters.res_vis_local_adapters);
  global("res_vis_global_adapter", adapters.res_vis_global_adapter);
  global("res_text_adapter", adapters.res_text_adapter);
  global("text_adapter", adapters.text_adapter);
}

void for_each_tensor(const Adapters& adapters,
                     const std::function<void(const AdapterTensor&, const at::Tensor&)>& visit) {
  Adapters copy = adapters;  // handles only: the tensors are shared
  for_each_tensor(copy, [&](const AdapterTensor& which, at::Tensor& tensor) { visit(which, tensor); });
}

std::int64_t parameter_count(const Adapters& adapters) {
  std::int64_t count = 0;
  for_each_tensor(adapters, [&](const AdapterTensor&, const at::Tensor& tensor) { count += tensor.numel(); });
  return count;
}

std::int64_t embed_dim(const Adapters& adapters) {
  return adapters.text_adapter.norm_weight.size(0);
}

Adapters to_device(const Adapters& adapters, c10::Device device) {
  Adapters moved = adapters;
  for_each_tensor(moved, [&](const AdapterTensor&, at::Tensor& tensor) { tensor = tensor.to(device); });
  return moved;
}

void expect_fit(const Adapters& adapters, std::int64_t width, std::span<const int> visual_layers,
                std::span<const int> residual_layers, const std::string& source) {
  if (embed_dim(adapters) != width)
    throw data_error(source + ": adapters are made for features of width " +
                     std::to_string(embed_dim(adapters)) + "; the backbone gives " + std::to_string(width));
  expect_layers(adapters.vis_adapters, visual_layers, "vis_adapters", source);
  expect_layers(adapters.res_vis_local_adapters, residual_layers, "res_vis_local_adapters", source);
}

}  // namespace res2clip
