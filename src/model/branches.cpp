#include "res2clip/model/branches.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/ops/topk.h>

#include "res2clip/core/unit_length.hpp"
#include "res2clip/model/smoothing.hpp"

#include "fused_maps.hpp"

namespace res2clip {

// Products with a vector are written as multiply and sum over the last dimension: each row is summed the same
// way whatever the batch, which a matrix-vector product of a BLAS does not promise.

namespace {

at::Tensor projected(const at::Tensor& rows, const at::Tensor& direction) {
  if (auto products = project_by_kernel(rows, direction)) return *std::move(products);
  return rows.mul(direction).sum(-1);
}

}  // namespace

at::Tensor text_similarity(const at::Tensor& features, const at::Tensor& text_residual) {
  return projected(features, unit_length(text_residual));
}

at::Tensor residual_magnitude(const at::Tensor& visual_residual) {
  return visual_residual.norm(2, {-1});
}

at::Tensor residual_projection(const at::Tensor& visual_residual, const at::Tensor& text_residual) {
  return projected(visual_residual, unit_length(text_residual));
}

at::Tensor text_alignment(const at::Tensor& features, const at::Tensor& direction, TextAnchorKind anchor) {
  const at::Tensor similarity = text_similarity(features, direction);
  return anchor == TextAnchorKind::normal ? similarity.neg().add(1.0) : similarity;
}

at::Tensor residual_alignment(const at::Tensor& visual_residual, const at::Tensor& text_residual,
                              ResidualAlignment alignment) {
  if (alignment == ResidualAlignment::cosine)
    return residual_projection(unit_length(visual_residual), text_residual);
  return residual_projection(visual_residual, text_residual);
}

at::Tensor anomaly_map(const std::vector<at::Tensor>& layers, const Grid& grid, std::int64_t patch_size) {
  TORCH_INTERNAL_ASSERT(!layers.empty());
  at::Tensor mean = layers.front().clone();
  for (std::size_t i = 1; i < layers.size(); ++i) mean += layers[i];
  mean /= static_cast<double>(layers.size());
  return upsample(mean.reshape({-1, grid.rows, grid.cols}), grid.rows * patch_size, grid.cols * patch_size);
}

std::int64_t top_count(std::int64_t pixels, double fraction) {
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(pixels))));
}

at::Tensor top_mean(const at::Tensor& maps, double fraction) {
  const at::Tensor rows = maps.flatten(1);
  return std::get<0>(at::topk(rows, top_count(rows.size(1), fraction), 1)).mean(1);
}

at::Tensor global_baseline(const at::Tensor& references, bool normalise) {
  const at::Tensor mean = references.mean(0);
  return normalise ? unit_length(mean) : mean;
}

at::Tensor global_residual(const at::Tensor& query, const at::Tensor& baseline) {
  return query.sub(baseline);
}

at::Tensor image_score(const at::Tensor& global_score, const at::Tensor& map_score) {
  return global_score.add(map_score).mul(0.5);
}

at::Tensor fuse(const BranchWeights& weights, const at::Tensor& text, const at::Tensor& visual,
                const at::Tensor& residual) {
  return text.mul(weights.text).add(visual, weights.visual).add(residual, weights.residual);
}

}  // namespace res2clip
