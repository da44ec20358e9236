#include "support/formula.hpp"

#include <cmath>

#include <ATen/ATen.h>

namespace res2clip::testing {
namespace {

const double kRoot3 = std::sqrt(3.0);

double inverse_root(std::int64_t value) {
  return 1.0 / std::sqrt(static_cast<double>(value));
}

using Tensors = std::map<std::string, at::Tensor>;

void add_block(Tensors& tensors, const std::string& prefix, std::int64_t width, std::int64_t hidden,
               std::int64_t layers, int salt) {
  const auto put = [&](const std::string& name, std::vector<std::int64_t> shape, double scale,
                       double offset = 0.0) {
    tensors[prefix + name] = formula_tensor(prefix + name, shape, scale, offset, salt);
  };
  const double wide = kRoot3 * inverse_root(width);
  const double deep = kRoot3 * inverse_root(width) * inverse_root(2 * layers);
  put("attn.in_proj_weight", {3 * width, width}, wide);
  put("attn.in_proj_bias", {3 * width}, 0.02);
  put("attn.out_proj.weight", {width, width}, deep);
  put("attn.out_proj.bias", {width}, 0.02);
  put("mlp.c_fc.weight", {hidden, width}, kRoot3 * inverse_root(2 * width));
  put("mlp.c_fc.bias", {hidden}, 0.02);
  put("mlp.c_proj.weight", {width, hidden}, deep);
  put("mlp.c_proj.bias", {width}, 0.02);
  for (const std::string norm : {"ln_1", "ln_2"}) {
    put(norm + ".weight", {width}, 0.1, 1.0);
    put(norm + ".bias", {width}, 0.02);
  }
}

}  // namespace

at::Tensor formula_tensor(const std::string& name, const std::vector<std::int64_t>& shape, double scale,
                          double offset, int salt) {
  const std::string key = salt == 0 ? name : name + "#" + std::to_string(salt);
  std::uint32_t seed = 2166136261u;
  for (const char letter : key) seed = (seed ^ static_cast<unsigned char>(letter)) * 16777619u;
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.data_ptr<float>();
  const auto rounded_scale = static_cast<float>(scale);
  const auto rounded_offset = static_cast<float>(offset);
  const std::int64_t count = tensor.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t h = seed + static_cast<std::uint32_t>(i) * 0x9E3779B9u;
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h *= 0x846ca68bu;
    h ^= h >> 16;
    const float unit = static_cast<float>(h >> 8) * 0x1.0p-23f - 1.0f;
    volatile float scaled = unit * rounded_scale;  // volatile: one rounding each, never a fused multiply-add
    values[i] = offset != 0.0 ? scaled + rounded_offset : scaled;
  }
  return tensor;
}

std::map<std::string, at::Tensor> formula_clip(const ClipSize& size, int salt) {
  Tensors tensors;
  const auto put = [&](const std::string& name, std::vector<std::int64_t> shape, double scale,
                       double offset = 0.0) {
    tensors[name] = formula_tensor(name, shape, scale, offset, salt);
  };
  const std::int64_t grid = size.native / size.patch;
  put("logit_scale", {}, 0.0, std::log(1 / 0.07));
  put("positional_embedding", {77, size.text_width}, 0.5);
  put("text_projection", {size.text_width, size.embed}, kRoot3 * inverse_root(size.text_width));
  put("token_embedding.weight", {49408, size.text_width}, 1.0);
  put("ln_final.weight", {size.text_width}, 0.1, 1.0);
  put("ln_final.bias", {size.text_width}, 0.02);
  put("visual.class_embedding", {size.vision_width}, 1.0);
  put("visual.positional_embedding", {grid * grid + 1, size.vision_width}, 0.5);
  put("visual.proj", {size.vision_width, size.embed}, kRoot3 * inverse_root(size.vision_width));
  put("visual.conv1.weight", {size.vision_width, 3, size.patch, size.patch},
      kRoot3 * inverse_root(3 * size.patch * size.patch));
  for (const std::string norm : {"visual.ln_pre", "visual.ln_post"}) {
    put(norm + ".weight", {size.vision_width}, 0.1, 1.0);
    put(norm + ".bias", {size.vision_width}, 0.02);
  }
  for (std::int64_t block = 0; block < size.vision_layers; ++block)
    add_block(tensors, "visual.transformer.resblocks." + std::to_string(block) + ".", size.vision_width,
              size.vision_hidden, size.vision_layers, salt);
  for (std::int64_t block = 0; block < size.text_layers; ++block)
    add_block(tensors, "transformer.resblocks." + std::to_string(block) + ".", size.text_width,
              4 * size.text_width, size.text_layers, salt);
  return tensors;
}

std::map<std::string, at::Tensor> formula_local_adapter(const std::string& group, std::int64_t embed,
                                                        int salt, bool untrained) {
  Tensors tensors;
  const std::int64_t d = embed / 4;
  const auto put = [&](const std::string& name, std::vector<std::int64_t> shape, double scale,
                       double offset = 0.0) {
    tensors[group + "." + name] = formula_tensor(group + "." + name, shape, scale, offset, salt);
  };
  put("norm.weight", {embed}, 0.1, 1.0);
  put("norm.bias", {embed}, 0.02);
  put("down.weight", {d, embed}, kRoot3 * inverse_root(embed));
  put("conv_fine.weight", {d, 1, 3, 3}, kRoot3 / 3);
  put("conv_coarse.weight", {d, 1, 3, 3}, kRoot3 / 3);
  put("internal_norm.weight", {3 * d}, 0.1, 1.0);
  put("internal_norm.bias", {3 * d}, 0.02);
  put("blend.weight", {d, 3 * d}, kRoot3 * inverse_root(3 * d));
  put("up.weight", {embed, d}, untrained ? 0.0 : 0.5 * kRoot3 * inverse_root(embed * d));
  return tensors;
}

std::map<std::string, at::Tensor> formula_global_adapter(const std::string& group, std::int64_t embed,
                                                         int salt, bool untrained) {
  Tensors tensors;
  const std::int64_t d = embed / 4;
  const auto put = [&](const std::string& name, std::vector<std::int64_t> shape, double scale,
                       double offset = 0.0) {
    tensors[group + "." + name] = formula_tensor(group + "." + name, shape, scale, offset, salt);
  };
  put("norm.weight", {embed}, 0.1, 1.0);
  put("norm.bias", {embed}, 0.02);
  put("fc1.weight", {d, embed}, kRoot3 * inverse_root(embed));
  put("fc2.weight", {embed, d}, untrained ? 0.0 : 0.5 * kRoot3 * inverse_root(embed * d));
  return tensors;
}

std::map<std::string, at::Tensor> formula_adapters(std::int64_t embed, const std::vector<int>& visual_layers,
                                                   const std::vector<int>& residual_layers, int salt,
                                                   bool untrained) {
  Tensors tensors;
  for (const int layer : visual_layers)
    tensors.merge(formula_local_adapter("vis_adapters." + std::to_string(layer), embed, salt, untrained));
  for (const int layer : residual_layers)
    tensors.merge(
        formula_local_adapter("res_vis_local_adapters." + std::to_string(layer), embed, salt, untrained));
  for (const std::string group : {"res_vis_global_adapter", "res_text_adapter", "text_adapter"})
    tensors.merge(formula_global_adapter(group, embed, salt, untrained));
  return tensors;
}

}  // namespace res2clip::testing
