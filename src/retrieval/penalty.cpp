#include "res2clip/retrieval/penalty.hpp"

#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/hypot.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

namespace res2clip {
namespace {

struct Positions {
  at::Tensor y, x;  // [N], from the grid's centre
};

Positions patch_positions(const Grid& grid) {
  const auto rows = at::arange(grid.rows, at::kDouble) - static_cast<double>(grid.rows - 1) / 2;
  const auto cols = at::arange(grid.cols, at::kDouble) - static_cast<double>(grid.cols - 1) / 2;
  return {rows.repeat_interleave(grid.cols), cols.repeat({grid.rows})};
}

/// |v_i - v_j| for all pairs, [N, N].
at::Tensor differences(const at::Tensor& values) {
  return (values.unsqueeze(1) - values.unsqueeze(0)).abs();
}

at::Tensor patch_distances(const Grid& grid) {
  const auto [y, x] = patch_positions(grid);
  return at::hypot(differences(y), differences(x));
}

at::Tensor angles_between(const Grid& grid) {
  const auto [y, x] = patch_positions(grid);
  const auto turn = differences(at::atan2(y, x));
  return at::minimum(turn, 2 * std::numbers::pi - turn);
}

at::Tensor relative_to_largest(const at::Tensor& values, const at::Tensor& of) {
  const double largest = of.max().item<double>();
  return largest > 0 ? values / largest : values;
}

at::Tensor beyond_margin(const at::Tensor& values) {
  constexpr double kMargin = 2.0;  // patches
  return (values - kMargin).clamp_min(0);
}

at::Tensor saturating(const at::Tensor& values) {
  return 1 - (-values).exp();
}

at::Tensor saturating_square(const at::Tensor& values, double width) {
  return 1 - (-values.square() / (2 * width * width)).exp();
}

at::Tensor polar_penalty(const at::Tensor& radial, const at::Tensor& angle) {
  constexpr double kAngleWeight = 0.1;
  return saturating_square(radial, 1.0) + kAngleWeight * saturating_square(angle, std::numbers::pi / 4);
}

}  // namespace

at::Tensor patch_radii(const Grid& grid) {
  const auto [y, x] = patch_positions(grid);
  return at::hypot(y, x);
}

at::Tensor spatial_penalty(Penalty penalty, const Grid& grid) {
  const auto radii = patch_radii(grid);
  const auto radial = differences(radii);
  switch (penalty) {
    case Penalty::none:
      return at::zeros({grid.size(), grid.size()}, at::kDouble);
    case Penalty::radial:
      return radial;
    case Penalty::radial_new:
      return relative_to_largest(radial, radii);
    case Penalty::radial_margin:
      return beyond_margin(radial);
    case Penalty::radial_laplace:
      return saturating(radial);
    case Penalty::radial_euc: {
      const auto distances = patch_distances(grid);
      return relative_to_largest(radial, radii) + relative_to_largest(distances, distances);
    }
    case Penalty::local:
      return patch_distances(grid);
    case Penalty::euc_new:
      return saturating(beyond_margin(patch_distances(grid)));
    case Penalty::polar:
      return polar_penalty(radial, angles_between(grid));
    case Penalty::polar_linear:
      return radial + angles_between(grid);
  }
  TORCH_INTERNAL_ASSERT(false, "unknown penalty");
}

}  // namespace res2clip
