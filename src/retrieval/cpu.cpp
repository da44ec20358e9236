#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include "res2clip/retrieval/penalty.hpp"

#include "fused_forms.hpp"
#include "fused_row.hpp"

namespace res2clip {
namespace {

/// gamma * penalty, one query patch's row at a time.
class PenaltyRows {
 public:
  PenaltyRows(const MatchOptions& options, const Grid& grid)
      : radial_(options.penalty == Penalty::radial || options.penalty == Penalty::none) {
    const auto table = options.penalty == Penalty::none ? patch_radii(grid) * 0.0
                       : radial_                        ? patch_radii(grid) * options.gamma
                                 : spatial_penalty(options.penalty, grid) * options.gamma;
    table_ = table.to(at::kFloat).contiguous();
    patches_ = grid.size();
  }

  /// The penalties [N] of query patch `patch`; may lie in `scratch` [N].
  const float* row(std::int64_t patch, std::vector<float>& scratch) const {
    const float* table = table_.const_data_ptr<float>();
    if (!radial_) return table + patch * patches_;
    const float radius = table[patch];
    for (std::int64_t j = 0; j < patches_; ++j) scratch[j] = std::abs(radius - table[j]);
    return scratch.data();
  }

 private:
  bool radial_;
  std::int64_t patches_ = 0;
  at::Tensor table_;  // radial: [N] radii times gamma; otherwise [N, N]
};

/// Rows of similarities that are computed at once. Many, because each tile's product packs the whole bank
/// anew; few enough to stay in the cache and to spread over threads; and all tiles alike, or threads wait for
/// the longer ones. Depends on the sizes of one image and the bank alone, so that results do not depend on
/// batch size and number of threads.
std::int64_t tile_rows(std::int64_t patches, std::int64_t bank) {
  constexpr std::int64_t kMostRows = 192, kMostScores = 1 << 21;
  const auto most = std::clamp<std::int64_t>(kMostScores / bank, 16, kMostRows);
  const auto tiles = (patches + most - 1) / most;
  return (patches + tiles - 1) / tiles;
}

}  // namespace

Match fused_cpu(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                const MatchOptions& options) {
  const at::NoGradGuard no_grad;
  const auto queries = query.contiguous();
  const auto references = reference.contiguous();
  const auto compared = compared_features(queries, references, grid, options);
  const auto transposed = compared.reference.t();
  const std::int64_t patches = grid.size(), channels = query.size(2), bank = reference.size(0);
  const PenaltyRows penalties(options, grid);

  Match match{at::empty_like(queries), at::empty_like(queries),
              at::empty({query.size(0), patches}, query.options())};
  const float* query_data = queries.const_data_ptr<float>();
  const float* reference_data = references.const_data_ptr<float>();
  float* matched_data = match.reference.data_ptr<float>();
  float* residual_data = match.residual.data_ptr<float>();
  float* norm_data = match.residual_norm.data_ptr<float>();

  const std::int64_t rows = tile_rows(patches, bank), tiles = (patches + rows - 1) / rows;
  const std::int64_t tasks = query.size(0) * tiles;
  const auto match_tiles = [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad_in_thread;
    const auto similarities = at::empty({rows, bank}, queries.options());
    Candidates candidates(bank);
    std::vector<float> scratch(patches);
    for (std::int64_t tile = begin; tile < std::min(end, tasks); ++tile) {
      const std::int64_t image = tile / tiles, first = tile % tiles * rows,
                         count = std::min(rows, patches - first);
      auto similarity_rows = similarities.narrow(0, 0, count);
      at::mm_out(similarity_rows, compared.query.select(0, image).narrow(0, first, count), transposed);
      float* scores = similarity_rows.data_ptr<float>();
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t place = image * patches + first + i;
        match_row({scores + i * bank, penalties.row(first + i, scratch), patches, bank / patches}, options,
                  query_data + place * channels, reference_data, channels, candidates,
                  {matched_data + place * channels, residual_data + place * channels, norm_data + place});
      }
    }
  };
  // Two at least: a single one would run outside a parallel region, where the matrix product splits itself
  // over threads and rounds in another way.
  at::parallel_for(0, std::max<std::int64_t>(tasks, 2), 1, match_tiles);
  return match;
}

}  // namespace res2clip
