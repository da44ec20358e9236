#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// The sizes of a CLIP with a ViT image tower, read off its tensors.
struct ClipSizes {
  std::int64_t embed_dim = 0;
  std::int64_t native_size = 0;  ///< side in pixels that the position grid was trained for
  std::int64_t patch_size = 0;
  std::int64_t vision_width = 0;
  std::int64_t vision_layers = 0;
  std::int64_t text_width = 0;
  std::int64_t text_layers = 0;
  std::int64_t context_length = 0;
  std::int64_t vocabulary_size = 0;

  /// CLIP's heads are 64 wide in both towers.
  std::int64_t vision_heads() const { return vision_width / 64; }
  std::int64_t text_heads() const { return text_width / 64; }
};

/// The weights of a CLIP: float32, on the CPU, under OpenAI's names
/// ("visual.transformer.resblocks.0.ln_1.weight").
struct ClipWeights {
  std::map<std::string, at::Tensor> tensors;
  ClipSizes sizes;
  std::string name;       ///< of the file
  std::string sha256;     ///< of the file
  bool verified = false;  ///< whether that is the checksum of a published file
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
