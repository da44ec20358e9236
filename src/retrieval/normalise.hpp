#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "normalise_floor.hpp"

namespace res2clip {

/// L2-normalises the last dimension.
inline at::Tensor l2_normalised(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, {-1}, true).clamp_min(kSmallestNorm);
}

}  // namespace res2clip
