#include <algorithm>
#include <limits>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/model/smoothing.hpp"
#include "res2clip/retrieval/match.hpp"

#include "../fused_maps.hpp"
#include "maps.hpp"

namespace res2clip {
namespace {

bool takes(const at::Tensor& tensor) {
  return tensor.is_cuda() && tensor.scalar_type() == at::kFloat && !tensor.requires_grad() &&
         has_kernels_for(tensor.device());
}

void* current_stream() {
  return c10::cuda::getCurrentCUDAStream().stream();
}

void require_started(int code, const char* kernel, const at::Tensor& on) {
  if (code != 0) throw runtime_error("scoring: " + launch_failure(kernel, on.device().str(), code));
}

bool takes(const PatchMaps& patches) {
  return !patches.empty() && patches.size() <= static_cast<std::size_t>(cuda::kMostLayers) &&
         std::all_of(patches.begin(), patches.end(), [](const auto& layer) { return takes(layer.second); });
}

cuda::Window window_of(bool smooth, const ScoringOptions& scoring) {
  cuda::Window window{0, {1.0f}};
  if (!smooth) return window;
  const auto weights = gaussian_window(scoring.smoothing_size, scoring.smoothing_sigma);
  window.radius = static_cast<int>(weights.size() / 2);
  std::copy(weights.begin(), weights.end(), window.weights);
  return window;
}

/// The pointers of a branch's layers; `alive` keeps what had to be copied.
cuda::BranchScores scores_of(const PatchMaps& patches, std::vector<at::Tensor>& alive) {
  cuda::BranchScores branch{};
  for (const auto& [layer, scores] : patches) {
    alive.push_back(scores.contiguous());
    branch.scores[branch.layers++] = alive.back().const_data_ptr<float>();
  }
  return branch;
}

/// Whether the three maps lie one after the other, as draw_maps_by_kernels() makes them.
bool lie_together(const AnomalyMaps& maps) {
  const auto size = maps.text.numel();
  return maps.text.is_contiguous() && maps.visual.is_contiguous() && maps.residual.is_contiguous() &&
         maps.visual.sizes() == maps.text.sizes() && maps.residual.sizes() == maps.text.sizes() &&
         maps.visual.const_data_ptr<float>() == maps.text.const_data_ptr<float>() + size &&
         maps.residual.const_data_ptr<float>() == maps.text.const_data_ptr<float>() + 2 * size;
}

}  // namespace

std::optional<AnomalyMaps> draw_maps_by_kernels(const BranchPatches& patches, const MapForm& form) {
  if (!takes(patches.text) || !takes(patches.visual) || !takes(patches.residual) ||
      form.scoring.smoothing_size > 2 * cuda::kLargestRadius + 1)
    return std::nullopt;
  const auto& first = patches.text.begin()->second;
  const c10::cuda::CUDAGuard on_device(first.device());
  const std::int64_t images = first.size(0), height = form.grid.rows * form.patch_size,
                     width = form.grid.cols * form.patch_size;
  const auto maps = at::empty({cuda::kBranches, images, height, width}, first.options()),
             fused = at::empty({images, height, width}, first.options());
  const int rows = static_cast<int>(form.grid.rows), cols = static_cast<int>(form.grid.cols),
            pixel_rows = static_cast<int>(height), pixel_cols = static_cast<int>(width);
  std::vector<at::Tensor> alive;
  const cuda::DrawBranches draw{
      {scores_of(patches.text, alive), scores_of(patches.visual, alive), scores_of(patches.residual, alive)},
      maps.mutable_data_ptr<float>(),
      images,
      rows,
      cols,
      pixel_rows,
      pixel_cols,
      window_of(form.scoring.smooth_branch_maps, form.scoring)};
  require_started(cuda::draw_branches(draw, current_stream()), "the kernel that draws maps", maps);
  const cuda::FuseBranches fuse{
      maps.const_data_ptr<float>(),
      {static_cast<float>(form.weights.text), static_cast<float>(form.weights.visual),
       static_cast<float>(form.weights.residual)},
      fused.mutable_data_ptr<float>(),
      images,
      pixel_rows,
      pixel_cols,
      window_of(form.scoring.smooth_fused_map, form.scoring)};
  require_started(cuda::fuse_branches(fuse, current_stream()), "the kernel that fuses maps", maps);
  return AnomalyMaps{maps.select(0, 0), maps.select(0, 1), maps.select(0, 2), fused};
}

std::optional<std::array<at::Tensor, 3>> branch_top_means_by_kernel(const AnomalyMaps& maps,
                                                                    double fraction) {
  if (!takes(maps.text) || !takes(maps.visual) || !takes(maps.residual) || !lie_together(maps))
    return std::nullopt;
  const std::int64_t images = maps.text.size(0), pixels = maps.text.size(1) * maps.text.size(2);
  if (pixels > std::numeric_limits<int>::max()) return std::nullopt;
  const c10::cuda::CUDAGuard on_device(maps.text.device());
  const auto means = at::empty({cuda::kBranches, images}, maps.text.options());
  const auto bins =
      at::zeros({cuda::kBranches * images, cuda::kDigits, cuda::kBins}, means.options().dtype(at::kInt));
  const auto sums = at::empty({cuda::kBranches * images, cuda::kParts}, means.options());
  const cuda::MeanHighest task{maps.text.const_data_ptr<float>(), means.mutable_data_ptr<float>(),
                               cuda::kBranches * images,          pixels,
                               top_count(pixels, fraction),       bins.mutable_data_ptr<int>(),
                               sums.mutable_data_ptr<float>()};
  require_started(cuda::mean_highest(task, current_stream()), "the kernels that select the highest pixels",
                  means);
  return std::array<at::Tensor, 3>{means.select(0, 0), means.select(0, 1), means.select(0, 2)};
}

std::optional<at::Tensor> project_by_kernel(const at::Tensor& rows, const at::Tensor& direction) {
  if (!takes(rows) || !takes(direction)) return std::nullopt;
  const c10::cuda::CUDAGuard on_device(rows.device());
  const auto contiguous = rows.contiguous(), along = direction.contiguous();
  const auto products =
      at::empty(rows.sizes().slice(0, static_cast<std::size_t>(rows.dim()) - 1), rows.options());
  const cuda::ProjectRows task{contiguous.const_data_ptr<float>(), along.const_data_ptr<float>(),
                               products.mutable_data_ptr<float>(), products.numel(), rows.size(-1)};
  require_started(cuda::project_rows(task, current_stream()), "the kernel that projects patches", products);
  return products;
}

}  // namespace res2clip
