#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace res2clip::testing {

/// Weights by formula: a tensor is a hash of its name, so that goldens need no weights beside them.
/// The formula and its scales stand in tests/data/README.md.
at::Tensor formula_tensor(const std::string& name, const std::vector<std::int64_t>& shape, double scale,
                          double offset, int salt = 0);

struct ClipSize {
  std::int64_t vision_width, vision_layers, patch, native, embed, text_width, text_layers;
  std::int64_t vision_hidden = 4 * vision_width;  // between the two linear maps of a block
};
inline constexpr ClipSize kTinyClip{128, 24, 14, 56, 96, 64, 2};
/// The architecture of models/demo-clip.safetensors: what that backbone is without its training.
inline constexpr ClipSize kDemoClip{128, 8, 8, 128, 128, 64, 4};
inline constexpr ClipSize kFullClip{1024, 24, 14, 336, 768, 768, 12};

/// All tensors of a CLIP of that size under OpenAI's names, float32.
std::map<std::string, at::Tensor> formula_clip(const ClipSize& size, int salt = 0);

/// The tensors of adapters under "group.key" ("vis_adapters.6.norm.weight"); up-projections zero where
/// `untrained`.
std::map<std::string, at::Tensor> formula_adapters(std::int64_t embed, const std::vector<int>& visual_layers,
                                                   const std::vector<int>& residual_layers, int salt,
                                                   bool untrained = false);

/// The tensors of one adapter with formula names "group.key": local (convolutional) or global (two linear
/// layers).
std::map<std::string, at::Tensor> formula_local_adapter(const std::string& group, std::int64_t embed,
                                                        int salt, bool untrained = false);
std::map<std::string, at::Tensor> formula_global_adapter(const std::string& group, std::int64_t embed,
                                                         int salt, bool untrained = false);

}  // namespace res2clip::testing
