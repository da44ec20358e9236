#pragma once

#include <optional>

#include "res2clip/model/maps.hpp"

namespace res2clip {

// The CUDA forms. Each gives nothing where it does not cover its task, in builds without CUDA always.

std::optional<AnomalyMaps> draw_maps_by_kernels(const BranchPatches& patches, const MapForm& form);

std::optional<std::array<at::Tensor, 3>> branch_top_means_by_kernel(const AnomalyMaps& maps, double fraction);

/// rows [..., D] times direction [D] -> [...]. Covers what needs no gradient.
std::optional<at::Tensor> project_by_kernel(const at::Tensor& rows, const at::Tensor& direction);

/// How many of a map's pixels top_mean() averages.
std::int64_t top_count(std::int64_t pixels, double fraction);

}  // namespace res2clip
