#pragma once

#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/retrieval/penalty_kind.hpp"

namespace res2clip {

/// r of every patch: distance from the grid's centre in patch units, [N] float64 on the CPU.
at::Tensor patch_radii(const Grid& grid);

/// The penalty, not yet weighted by gamma, of every query patch (rows) against every patch of one reference
/// image: [N, N] float64 on the CPU. Every shot has the same.
at::Tensor spatial_penalty(Penalty penalty, const Grid& grid);

}  // namespace res2clip
