#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/model/options.hpp"

/// The equations of the three branches, one function each. Tensors are float32, all on one device; R with a
/// tilde is an adapted residual (the residual itself in training-free mode).
namespace res2clip {

/// [B, N, D] unit patch features and [D] adapted text residual -> [B, N] cosine similarities: the term of
/// Eq. 6.
at::Tensor text_similarity(const at::Tensor& features, const at::Tensor& text_residual);

/// [B, N, D] adapted visual residuals -> [B, N] lengths: the term of Eq. 9.
at::Tensor residual_magnitude(const at::Tensor& visual_residual);

/// [..., D] adapted visual residuals and [D] adapted text residual -> [...] projections on its direction: the
/// term of Eqs. 11 and 12.
at::Tensor residual_projection(const at::Tensor& visual_residual, const at::Tensor& text_residual);

/// [..., D] unit features and [D] the direction that `anchor` names -> [...] scores of the text branch:
/// text_similarity(), or 1 - that for the normal anchor.
at::Tensor text_alignment(const at::Tensor& features, const at::Tensor& direction, TextAnchorKind anchor);

/// [..., D] adapted visual residuals and [D] adapted text residual -> [...] residual_projection(), or the
/// cosine of both (0 for a residual of length 0).
at::Tensor residual_alignment(const at::Tensor& visual_residual, const at::Tensor& text_residual,
                              ResidualAlignment alignment);

/// Patch scores of L layers, each [B, N], -> [B, rows*patch, cols*patch]: their mean, upsampled bilinearly.
/// The outer part of Eqs. 6, 9 and 11: M_text, M_vis or M_res before smoothing.
at::Tensor anomaly_map(const std::vector<at::Tensor>& layers, const Grid& grid, std::int64_t patch_size);

/// [B, H, W] -> [B] mean of the k highest values of each map, k = max(1, floor(fraction * H * W)).
at::Tensor top_mean(const at::Tensor& maps, double fraction);

/// [K, D] unit global features of the references -> [D] their mean, the normal baseline; unit length where
/// asked.
at::Tensor global_baseline(const at::Tensor& references, bool normalise);

/// [B, D] and [D] -> [B, D] global visual residual R_v,cls = f_q - baseline.
at::Tensor global_residual(const at::Tensor& query, const at::Tensor& baseline);

/// Eq. 7: [B] half the global similarity [B], half the top mean [B] of M_text.
/// Eq. 12: the same of the global projection and the top mean of M_res. (Eq. 9's score is the top mean
/// alone.)
at::Tensor image_score(const at::Tensor& global_score, const at::Tensor& map_score);

/// Eq. 5, for maps or for scores: the weighted sum of the three branches.
at::Tensor fuse(const BranchWeights& weights, const at::Tensor& text, const at::Tensor& visual,
                const at::Tensor& residual);

}  // namespace res2clip
