#pragma once

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

}  // namespace res2clip
