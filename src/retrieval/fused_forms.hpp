#pragma once

#include "res2clip/retrieval/match.hpp"

namespace res2clip {

// The fused forms of match_fused(), one for each kind of device. Inputs are checked.

Match fused_cpu(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                const MatchOptions& options);

/// There in CUDA builds only.
Match fused_cuda(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                 const MatchOptions& options);

}  // namespace res2clip
