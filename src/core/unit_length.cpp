#include "res2clip/core/unit_length.hpp"

#include "res2clip/core/smallest_norm.hpp"

namespace res2clip {

at::Tensor unit_length(const at::Tensor& vectors) {
  return vectors.div(vectors.norm(2, {-1}, true).clamp_min(kSmallestNorm));
}

}  // namespace res2clip
