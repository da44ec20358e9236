#pragma once

#include <functional>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/weights.hpp"
#include "res2clip/core/path.hpp"

namespace res2clip {

using TensorMap = std::map<std::string, at::Tensor>;

/// The tensors of a file as they lie there, and what it says beside them.
struct TensorFile {
  TensorMap tensors;
  std::map<std::string, std::string> metadata;  // safetensors alone
};

/// Each throws a data error naming the path.
TensorFile read_safetensors(const Path& path);
/// What torch.save or torch.jit.save wrote: a state dict, also inside a training checkpoint, or a module.
TensorFile read_torch_file(const Path& path);
/// Either, by how the file begins.
TensorFile read_tensor_file(const Path& path);

/// What a file calls a tensor of OpenAI's name, for messages.
using TensorNames = std::function<std::string(const std::string&)>;
ClipSizes clip_sizes(const TensorMap& tensors, const std::string& source, const TensorNames& names);

}  // namespace res2clip
