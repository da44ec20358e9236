#pragma once

#include <ATen/core/Tensor.h>

namespace res2clip {

/// L2-normalised over the last dimension; zero vectors stay zero.
inline at::Tensor unit_length(const at::Tensor& vectors) {
  return vectors.div(vectors.norm(2, {-1}, true).clamp_min(1e-12));
}

}  // namespace res2clip
