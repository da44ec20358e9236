#pragma once

#include <ATen/core/Tensor.h>

#include "res2clip/retrieval/match.hpp"

namespace res2clip {

/// Sparsemax over the last dimension: the nearest point of the probability simplex, max(0, z - tau(z)) (Eq.
/// 33 and the four steps below it). scores [..., n], n >= 1, floating point. Equal scores get equal weights.
/// A row that holds NaN or +infinity becomes NaN.
at::Tensor sparsemax(const at::Tensor& scores);

/// Mean of every patch's 3x3 neighbourhood (edge patches repeated outwards), L2-normalised again.
/// features [..., N, D] of whole images, or [K*N, D] of K of them one after the other.
at::Tensor neighbourhood_mean(const at::Tensor& features, const Grid& grid);

/// Cosine similarity of every query patch to every reference, [B, N, K*N]; with `pooled`, the mean of that
/// and of the similarity of both sides' neighbourhood means.
at::Tensor similarity(const at::Tensor& query, const at::Tensor& reference, const Grid& grid, bool pooled);

/// The weights of the references for every query patch, [B, N, K*N], each row summing to 1:
/// S = similarity - gamma * penalty (Eq. 8), the penalty repeated for every shot, then `options.weighting`.
at::Tensor match_weights(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                         const MatchOptions& options);

/// The matched reference: weights . reference (Eq. 34), L2-normalised as in the authors' release. [B, N, D].
at::Tensor aggregate(const at::Tensor& weights, const at::Tensor& reference);

}  // namespace res2clip
