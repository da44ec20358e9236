#pragma once

#include <functional>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/weights.hpp"
#include "res2clip/core/path.hpp"

namespace res2clip {

using TensorMap = std::map<std::string, at::Tensor>;

/// All tensors of a weights file, as they lie there. Each throws a data error naming the path.
TensorMap read_safetensors(const Path& path);
TensorMap read_torchscript(const Path& path);
TensorMap read_state_dict(const Path& path);

/// Hugging Face's `CLIPModel` tensors -> OpenAI's names and layout; `source` names them in errors.
TensorMap from_hugging_face(const TensorMap& tensors, const std::string& source);
bool is_hugging_face(const TensorMap& tensors);
/// What Hugging Face calls a tensor of OpenAI's name.
std::string hugging_face_name(const std::string& name);
/// Checks the config.json that lies beside Hugging Face's weights, if one does: tensors do not tell the
/// number of attention heads, the activation and the norms' epsilon. Throws a data error where they are not
/// OpenAI's.
void expect_usual_config(const Path& config, const ClipSizes& sizes);

/// What a file calls a tensor of OpenAI's name, for messages.
using TensorNames = std::function<std::string(const std::string&)>;
ClipSizes clip_sizes(const TensorMap& tensors, const std::string& source, const TensorNames& names);

}  // namespace res2clip
