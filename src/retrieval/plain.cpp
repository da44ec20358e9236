#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "res2clip/retrieval/match.hpp"
#include "res2clip/retrieval/match_weights.hpp"

#include "match_inputs.hpp"

namespace res2clip {

Match match_plain(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                  const MatchOptions& options) {
  require_match_inputs(query, reference, grid, options);
  const at::NoGradGuard no_grad;
  const auto matched = aggregate(match_weights(query, reference, grid, options), reference);
  const auto residual = query - matched;
  return {matched, residual, residual.norm(2, {-1})};
}

}  // namespace res2clip
