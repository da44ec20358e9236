#pragma once

#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/core/settings.hpp"

namespace res2clip {

/// What a reference costs for lying elsewhere in its image than the query patch does in its own: the paper's
/// radial penalty and the other choices of the authors' release, under their names there.
///
/// For a query patch at (y_q, x_q) and a reference patch at (y, x), in patch units: r is a patch's distance
/// from the grid's centre ((H-1)/2, (W-1)/2) and dr = |r_q - r|; d is the distance between the two patches; a
/// is the angle between them seen from the centre, in [0, pi], a patch right at the centre counting as angle
/// 0 (to the right). R = max r, and D = max d, the grid's diagonal; on a grid of one patch both count as 1.
enum class Penalty {
  none,            ///< 0
  radial,          ///< dr (Eq. 8)
  radial_new,      ///< dr / R
  radial_margin,   ///< max(0, dr - 2)
  radial_laplace,  ///< 1 - exp(-dr)
  radial_euc,      ///< dr / R + d / D
  local,           ///< d
  euc_new,         ///< 1 - exp(-max(0, d - 2))
  polar,           ///< 1 - exp(-dr^2 / 2) + 0.1 (1 - exp(-a^2 / (2 (pi/4)^2)))
  polar_linear,    ///< dr + a
};

template <>
struct EnumNames<Penalty> {
  static constexpr std::pair<Penalty, std::string_view> values[] = {
      {Penalty::none, "none"},
      {Penalty::radial, "radial"},
      {Penalty::radial_new, "radial_new"},
      {Penalty::radial_margin, "radial_margin"},
      {Penalty::radial_laplace, "radial_laplace"},
      {Penalty::radial_euc, "radial_euc"},
      {Penalty::local, "local"},
      {Penalty::euc_new, "euc_new"},
      {Penalty::polar, "polar"},
      {Penalty::polar_linear, "polar_linear"}};
};

/// r of every patch: distance from the grid's centre in patch units, [N] float64 on the CPU.
at::Tensor patch_radii(const Grid& grid);

/// The penalty, not yet weighted by gamma, of every query patch (rows) against every patch of one reference
/// image: [N, N] float64 on the CPU. Every shot has the same.
at::Tensor spatial_penalty(Penalty penalty, const Grid& grid);

}  // namespace res2clip
