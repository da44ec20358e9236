#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/files.hpp"

namespace res2clip {

using TensorMap = std::map<std::string, at::Tensor>;

/// All tensors of a weights file, as they lie there. Each throws a data error naming the path.
TensorMap read_safetensors(const Path& path);
TensorMap read_torchscript(const Path& path);
TensorMap read_state_dict(const Path& path);

/// Hugging Face's `CLIPModel` tensors -> OpenAI's names and layout; `source` names them in errors.
TensorMap from_hugging_face(const TensorMap& tensors, const std::string& source);
bool is_hugging_face(const TensorMap& tensors);

}  // namespace res2clip
