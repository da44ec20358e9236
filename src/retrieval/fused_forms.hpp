#pragma once

#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// Whether match_fused has a form for these options on the device: all of them on the CPU; in CUDA builds
/// sparsemax, with any penalty, on CUDA devices.
bool has_fused_form(const MatchOptions& options, const c10::Device& device);

/// The fused form: float32 tensors, options for which has_fused_form() holds on their device. Neither sorts a
/// row nor holds a [N, K*N] tensor.
Match match_fused(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                  const MatchOptions& options);

/// What the product that gives similarities is taken of: the features themselves, or, for pooled similarity,
/// the features and their neighbourhood means side by side, so that one product gives the mean of both
/// similarities.
struct ComparedFeatures {
  at::Tensor query;      ///< [B, N, D or 2 D], contiguous
  at::Tensor reference;  ///< [K*N, D or 2 D], contiguous
};
ComparedFeatures compared_features(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                                   const MatchOptions& options);

// The fused forms of match_fused(), one for each kind of device. Inputs are checked.

Match fused_cpu(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                const MatchOptions& options);

/// There in CUDA builds only.
Match fused_cuda(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                 const MatchOptions& options);

}  // namespace res2clip
