#pragma once

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// What write_float_map() wrote: float32 [H, W]. Throws a data error for any other file.
at::Tensor read_float_map(const Path& path);

}  // namespace res2clip
