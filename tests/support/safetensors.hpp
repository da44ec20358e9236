#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip::testing {

/// Writes a safetensors file of float32, float16 and int64 tensors.
void write_safetensors(const Path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace res2clip::testing
