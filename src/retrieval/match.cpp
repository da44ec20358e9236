#include "res2clip/retrieval/match.hpp"

#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include "res2clip/core/error.hpp"
#include "res2clip/retrieval/match_weights.hpp"

#include "fused_forms.hpp"
#include "match_inputs.hpp"

namespace res2clip {
namespace {

template <class... Parts>
Error mismatch(const Parts&... parts) {
  std::ostringstream text;
  text << "retrieval: ";
  (text << ... << parts);
  return data_error(text.str());
}

constexpr const char* kSameSource =
    "; query and reference bank must come from the same backbone and image size";

}  // namespace

void require_match_inputs(const at::Tensor& query, const at::Tensor& reference, const Grid& grid) {
  if (query.dim() != 3 || reference.dim() != 2)
    throw mismatch("query must be [B, N, D] and the references [K*N, D], not ", query.sizes(), " and ",
                   reference.sizes());
  if (grid.rows < 1 || grid.cols < 1 || query.size(1) != grid.size())
    throw mismatch("query has ", query.size(1), " patches, its grid ", grid.rows, "x", grid.cols,
                   kSameSource);
  if (reference.size(0) == 0) throw mismatch("the reference bank is empty; give at least one normal image");
  if (reference.size(0) % grid.size() != 0)
    throw mismatch("the reference bank has ", reference.size(0), " patches, not a multiple of the query's ",
                   grid.size(), kSameSource);
  if (reference.size(0) > std::numeric_limits<std::int32_t>::max())
    throw mismatch("the reference bank has more than 2^31 patches; use fewer reference images");
  if (query.size(2) != reference.size(1) || query.size(2) == 0)
    throw mismatch("feature width mismatch: query ", query.size(2), ", bank ", reference.size(1),
                   kSameSource);
  const auto type = query.scalar_type();
  if ((type != at::kFloat && type != at::kDouble) || reference.scalar_type() != type)
    throw mismatch("query and references must both be float32 (or float64), not ", type, " and ",
                   reference.scalar_type());
  if (query.device() != reference.device())
    throw mismatch("query is on ", query.device().str(), ", the reference bank on ", reference.device().str(),
                   "; move the bank to the query's device");
}

bool has_fused_form(const MatchOptions& options, const c10::Device& device) {
  return device.is_cpu() ||
         (RES2CLIP_HAS_CUDA && device.is_cuda() && options.weighting == Weighting::sparsemax);
}

ComparedFeatures compared_features(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                                   const MatchOptions& options) {
  if (!options.pooled_similarity) return {query, reference};
  return {at::cat({query, neighbourhood_mean(query, grid)}, 2).mul_(0.5),  // a power of two: exact
          at::cat({reference, neighbourhood_mean(reference, grid)}, 1)};
}

#if !RES2CLIP_HAS_CUDA
bool has_kernels_for(const c10::Device&) {
  return false;
}
#endif

Match match_fused(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                  const MatchOptions& options) {
  require_match_inputs(query, reference, grid);
  TORCH_INTERNAL_ASSERT(query.scalar_type() == at::kFloat && has_fused_form(options, query.device()));
#if RES2CLIP_HAS_CUDA
  if (query.is_cuda()) return fused_cuda(query, reference, grid, options);
#endif
  return fused_cpu(query, reference, grid, options);
}

Match match(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
            const MatchOptions& options) {
  require_match_inputs(query, reference, grid);
  if (has_fused_form(options, query.device()) && query.scalar_type() == at::kFloat)
    return match_fused(query, reference, grid, options);
  // Image by image: the reference implementation holds several tensors of all pairs of patches.
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> references, residuals, norms;
  for (std::int64_t image = 0; image < query.size(0); ++image) {
    Match one = match_plain(query.narrow(0, image, 1), reference, grid, options);
    references.push_back(std::move(one.reference));
    residuals.push_back(std::move(one.residual));
    norms.push_back(std::move(one.residual_norm));
  }
  if (references.empty()) return match_plain(query, reference, grid, options);
  return {at::cat(references), at::cat(residuals), at::cat(norms)};
}

}  // namespace res2clip
