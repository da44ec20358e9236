#include "res2clip/model/maps.hpp"

#include <utility>

#include "res2clip/model/branches.hpp"
#include "res2clip/model/smoothing.hpp"

#include "fused_maps.hpp"

namespace res2clip {
namespace {

at::Tensor smoothed(const at::Tensor& maps, const ScoringOptions& scoring) {
  return gaussian_smooth(maps, scoring.smoothing_size, scoring.smoothing_sigma);
}

at::Tensor branch_map(const PatchMaps& patches, const MapForm& form) {
  std::vector<at::Tensor> layers;
  for (const auto& [layer, scores] : patches) layers.push_back(scores);
  const at::Tensor map = anomaly_map(layers, form.grid, form.patch_size);
  return form.scoring.smooth_branch_maps ? smoothed(map, form.scoring) : map;
}

}  // namespace

AnomalyMaps draw_maps_plain(const BranchPatches& patches, const MapForm& form) {
  AnomalyMaps maps{branch_map(patches.text, form),
                   branch_map(patches.visual, form),
                   branch_map(patches.residual, form),
                   {}};
  maps.fused = fuse(form.weights, maps.text, maps.visual, maps.residual);
  if (form.scoring.smooth_fused_map) maps.fused = smoothed(maps.fused, form.scoring);
  return maps;
}

AnomalyMaps draw_maps(const BranchPatches& patches, const MapForm& form) {
  if (auto maps = draw_maps_by_kernels(patches, form)) return *std::move(maps);
  return draw_maps_plain(patches, form);
}

std::array<at::Tensor, 3> branch_top_means(const AnomalyMaps& maps, double fraction) {
  if (auto means = branch_top_means_by_kernel(maps, fraction)) return *std::move(means);
  return {top_mean(maps.text, fraction), top_mean(maps.visual, fraction), top_mean(maps.residual, fraction)};
}

#if !RES2CLIP_HAS_CUDA
std::optional<AnomalyMaps> draw_maps_by_kernels(const BranchPatches&, const MapForm&) {
  return std::nullopt;
}
std::optional<std::array<at::Tensor, 3>> branch_top_means_by_kernel(const AnomalyMaps&, double) {
  return std::nullopt;
}
std::optional<at::Tensor> project_by_kernel(const at::Tensor&, const at::Tensor&) {
  return std::nullopt;
}
#endif

}  // namespace res2clip
