#pragma once

#include <array>
#include <map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/model/options.hpp"

namespace res2clip {

/// Scores of one layer at patch resolution, before averaging: layer -> [B, rows, cols].
using PatchMaps = std::map<int, at::Tensor>;

/// The patch scores of the three branches, float32 on one device.
struct BranchPatches {
  const PatchMaps &text, &visual, &residual;
};

/// What maps of B images of a grid look like: [B, rows * patch_size, cols * patch_size].
struct MapForm {
  Grid grid;
  std::int64_t patch_size;
  BranchWeights weights;  ///< of the fused map
  const ScoringOptions& scoring;
};

/// The maps of a batch, each [B, H, W].
struct AnomalyMaps {
  at::Tensor text;      ///< M_text (Eq. 6), smoothed where the options say so
  at::Tensor visual;    ///< M_vis (Eq. 9)
  at::Tensor residual;  ///< M_res (Eq. 11)
  at::Tensor fused;     ///< Eq. 5
};

/// Draws the maps: mean over layers, upsampling, smoothing, weighted sum, and smoothing again where the
/// options say so. On CUDA two kernels do it, for windows of at most 33 pixels and branches of at most 32
/// layers.
AnomalyMaps draw_maps(const BranchPatches& patches, const MapForm& form);

/// The same by ATen, one operation after the other (anomaly_map, gaussian_smooth, fuse): the oracle.
AnomalyMaps draw_maps_plain(const BranchPatches& patches, const MapForm& form);

/// [B] each: top_mean() of the maps of the branches, in the order text, visual, residual. On CUDA one kernel
/// selects the highest values of all maps.
std::array<at::Tensor, 3> branch_top_means(const AnomalyMaps& maps, double fraction);

}  // namespace res2clip
