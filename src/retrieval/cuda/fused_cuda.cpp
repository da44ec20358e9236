#include <algorithm>
#include <cstdint>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/core/error.hpp"

#include "../fused_forms.hpp"
#include "match_rows.hpp"

namespace res2clip {
namespace {

/// Query patches whose similarities are computed at once: at most 256 MB of them, or 128 patches; all tiles
/// alike.
std::int64_t tile_rows(std::int64_t rows, std::int64_t pitch) {
  constexpr std::int64_t kMostScores = 1 << 26;
  const auto most = std::max<std::int64_t>(kMostScores / pitch, 128), tiles = (rows + most - 1) / most;
  return (rows + tiles - 1) / tiles;
}

/// Room for rows of similarities, each of which begins at a multiple of 32 bytes: the kernels that cuBLAS has
/// for tensor cores write whole lines.
at::Tensor aligned_rows(std::int64_t rows, std::int64_t length, const at::TensorOptions& like) {
  constexpr std::int64_t kLine = 8;
  return at::empty({rows, (length + kLine - 1) / kLine * kLine}, like).narrow(1, 0, length);
}

}  // namespace

bool has_kernels_for(const c10::Device& device) {
  if (!device.is_cuda()) return false;
  const c10::cuda::CUDAGuard on_device(device);
  return cuda::kernel_status() == 0;
}

Match fused_cuda(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                 const MatchOptions& options) {
  const at::NoGradGuard no_grad;
  const c10::cuda::CUDAGuard on_device(query.device());
  const auto references = reference.contiguous();
  const std::int64_t channels = query.size(2), bank = reference.size(0), rows = query.size(0) * query.size(1);
  if (rows == 0)
    return {at::empty_like(query), at::empty_like(query), query.new_empty({query.size(0), query.size(1)})};
  const auto queries = query.contiguous().view({rows, channels});
  const auto compared = compared_features(query.contiguous(), references, grid, options);
  const auto compared_queries = compared.query.view({rows, -1}), transposed = compared.reference.t();
  const auto matched = at::empty_like(queries), residual = at::empty_like(queries);
  const auto norm = at::empty({rows}, queries.options());
  const Match match{matched.view(query.sizes()), residual.view(query.sizes()),
                    norm.view({query.size(0), query.size(1)})};

  const auto plan =
      penalty_plan(options.penalty, options.gamma, static_cast<int>(grid.rows), static_cast<int>(grid.cols));
  const auto similarities = aligned_rows(tile_rows(rows, bank), bank, queries.options());
  for (std::int64_t first = 0; first < rows; first += similarities.size(0)) {
    const std::int64_t count = std::min(similarities.size(0), rows - first);
    auto tile = similarities.narrow(0, 0, count);
    at::mm_out(tile, compared_queries.narrow(0, first, count), transposed);
    const cuda::MatchRows task{tile.const_data_ptr<float>(),
                               queries.const_data_ptr<float>() + first * channels,
                               references.const_data_ptr<float>(),
                               matched.data_ptr<float>() + first * channels,
                               residual.data_ptr<float>() + first * channels,
                               norm.data_ptr<float>() + first,
                               count,
                               similarities.stride(0),
                               static_cast<int>(bank),
                               static_cast<int>(channels),
                               static_cast<int>(first % grid.size()),
                               plan};
    if (const int code = cuda::match_rows(task, c10::cuda::getCurrentCUDAStream().stream()); code != 0)
      throw runtime_error("retrieval: " + launch_failure("the matching kernel", query.device().str(), code));
  }
  return match;
}

}  // namespace res2clip
