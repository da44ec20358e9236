#include "res2clip/retrieval/match_weights.hpp"

#include <algorithm>
#include <mutex>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include "res2clip/core/unit_length.hpp"
#include "res2clip/retrieval/penalty.hpp"

namespace res2clip {
namespace {

/// gamma * penalty [N, N] on a device. The last one is kept: it is asked for in every layer of every batch,
/// and a GPU would wait for it.
at::Tensor penalty_table(const Grid& grid, const MatchOptions& options, const at::TensorOptions& like) {
  struct Kept {
    Penalty penalty;
    double gamma;
    Grid grid;
    at::Tensor table;
  };
  static std::mutex mutex;
  static Kept kept{Penalty::none, 0.0, {0, 0}, {}};
  const std::lock_guard lock(mutex);
  if (!kept.table.defined() || kept.penalty != options.penalty || kept.gamma != options.gamma ||
      !(kept.grid == grid) || kept.table.dtype() != like.dtype() || kept.table.device() != like.device())
    kept = {options.penalty, options.gamma, grid,
            (spatial_penalty(options.penalty, grid) * options.gamma).to(like)};
  return kept.table;
}

at::Tensor penalised(const at::Tensor& similarities, const Grid& grid, const MatchOptions& options) {
  const auto shots = similarities.size(-1) / grid.size();
  const auto penalty = penalty_table(grid, options, similarities.options());
  return similarities.unflatten(-1, {shots, grid.size()}).sub(penalty.unsqueeze(1)).flatten(-2);
}

/// Softmax of `similarities` over each row's `count` largest `scores`, zero elsewhere.
at::Tensor top_k_weights(const at::Tensor& scores, const at::Tensor& similarities, std::int64_t count,
                         double temperature) {
  const auto chosen = std::get<1>(scores.topk(std::min(count, scores.size(-1)), -1));
  const auto weights = at::softmax(similarities.gather(-1, chosen) / temperature, -1);
  return at::zeros_like(scores).scatter(-1, chosen, weights);
}

}  // namespace

at::Tensor sparsemax(const at::Tensor& scores) {
  // Measured from the maximum: weights do not change, and large scores lose no digits in the running sum.
  const auto relative = scores - scores.amax(-1, true);
  const auto sorted = std::get<0>(relative.sort(-1, true));
  const auto running_sum = sorted.cumsum(-1);
  const auto count = at::arange(1, scores.size(-1) + 1, scores.options());
  // At least one, for rows of NaN, in which every comparison is false.
  const auto support = (1 + count * sorted > running_sum).sum(-1, true).clamp_min(1);
  const auto threshold = (running_sum.gather(-1, support - 1) - 1) / support;
  return (relative - threshold).clamp_min(0);
}

at::Tensor neighbourhood_mean(const at::Tensor& features, const Grid& grid) {
  const auto channels = features.size(-1);
  const auto maps = features.reshape({-1, grid.rows, grid.cols, channels}).permute({0, 3, 1, 2});
  const auto means = at::avg_pool2d(at::replication_pad2d(maps, {1, 1, 1, 1}), {3, 3}, {1, 1});
  return unit_length(means.permute({0, 2, 3, 1}).reshape(features.sizes()));
}

at::Tensor similarity(const at::Tensor& query, const at::Tensor& reference, const Grid& grid, bool pooled) {
  const auto patches = query.matmul(reference.t());
  if (!pooled) return patches;
  const auto areas = neighbourhood_mean(query, grid).matmul(neighbourhood_mean(reference, grid).t());
  return (patches + areas) / 2;
}

at::Tensor match_weights(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                         const MatchOptions& options) {
  const auto scores = penalised(similarity(query, reference, grid, options.pooled_similarity), grid, options);
  switch (options.weighting) {
    case Weighting::sparsemax:
      return sparsemax(scores);
    case Weighting::top_k:
      return top_k_weights(scores, similarity(query, reference, grid, false), options.neighbours,
                           options.temperature);
  }
  TORCH_INTERNAL_ASSERT(false, "unknown weighting");
}

at::Tensor aggregate(const at::Tensor& weights, const at::Tensor& reference) {
  return unit_length(weights.matmul(reference));
}

}  // namespace res2clip
