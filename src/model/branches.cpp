#include "res2clip/model/branches.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ops/topk.h>

#include "res2clip/core/unit_length.hpp"
#include "res2clip/model/smoothing.hpp"

namespace res2clip {

// Products with a vector are written as multiply and sum over the last dimension: each row is summed the same
// way whatever the batch, which a matrix-vector product of a BLAS does not promise.

at::Tensor text_similarity(const at::Tensor& features, const at::Tensor& text_residual) {
  return features.mul(unit_length(text_residual)).sum(-1);
}

at::Tensor residual_magnitude(const at::Tensor& visual_residual) {
  return visual_residual.norm(2, {-1});
}

at::Tensor residual_projection(const at::Tensor& visual_residual, const at::Tensor& text_residual) {
  return visual_residual.mul(unit_length(text_residual)).sum(-1);
}

at::Tensor anomaly_map(const std::vector<at::Tensor>& layers, const Grid& grid, std::int64_t patch_size) {
  TORCH_INTERNAL_ASSERT(!layers.empty());
  at::Tensor mean = layers.front().clone();
  for (std::size_t i = 1; i < layers.size(); ++i) mean += layers[i];
  mean /= static_cast<double>(layers.size());
  return upsample(mean.reshape({-1, grid.rows, grid.cols}), grid.rows * patch_size, grid.cols * patch_size);
}

at::Tensor top_mean(const at::Tensor& maps, double fraction) {
  const at::Tensor rows = maps.flatten(1);
  const auto count = static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(rows.size(1))));
  const auto highest = std::get<0>(at::topk(rows, std::max<std::int64_t>(1, count), 1));
  return highest.mean(1);
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
