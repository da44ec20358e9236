#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/model_card.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {

/// The weights of a CLIP: float32, on the CPU, under OpenAI's names
/// ("visual.transformer.resblocks.0.ln_1.weight").
struct ClipWeights {
  std::map<std::string, at::Tensor> tensors;
  ClipSizes sizes;
  ClipForm form;
  WeightsOrigin origin;
};

/// Reads CLIP weights: OpenAI's TorchScript archives (half or single precision), a `state_dict` that Python's
/// torch.save wrote, or safetensors, under OpenAI's or Hugging Face's (`CLIPModel`) names. Half precision is
/// widened. Throws a data error that names the path and, where tensors are missing, superfluous or misshapen,
/// those.
ClipWeights read_clip_weights(const Path& path);

/// Sizes of a set of tensors under OpenAI's names; checks that all are there and fit. `source` names them in
/// errors.
ClipSizes clip_sizes(const std::map<std::string, at::Tensor>& tensors, const std::string& source);

/// One line for people: architecture, sizes, checksum and whether it is a published one.
std::string describe_weights(const ClipWeights& weights);

}  // namespace res2clip
