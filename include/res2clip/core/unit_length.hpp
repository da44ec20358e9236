#pragma once

#include <ATen/core/Tensor.h>

namespace res2clip {

/// L2-normalised over the last dimension; zero vectors stay zero (kSmallestNorm).
at::Tensor unit_length(const at::Tensor& vectors);

}  // namespace res2clip
