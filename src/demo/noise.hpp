#pragma once

#include "dice.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// Smooth noise of mean 0 and standard deviation about 1: random values on a lattice of cells_x by cells_y
/// cells, interpolated by cubic B-splines. The same dice give the same landscape at any size.
Plane smooth_noise(Dice& dice, int size, float cells_x, float cells_y);
inline Plane smooth_noise(Dice& dice, int size, float cells) {
  return smooth_noise(dice, size, cells, cells);
}

/// Smooth noise of `octaves` scales, each twice as fine as the one before and `fade` times as strong.
Plane rough_noise(Dice& dice, int size, float cells, int octaves, float fade = 0.5F);

/// Independent values of mean 0 and standard deviation 1 at each pixel.
Plane grain(Dice& dice, int size);

/// Grain drawn out along x into streaks of the given length (in units of the side), again of standard
/// deviation about 1.
Plane streaks(Dice& dice, int size, float length);

/// Irregular cells about random centres, one in each square of a jittered grid.
struct Cells {
  Plane nearest;   ///< distance to the nearest centre, in units of a grid square
  Plane border;    ///< distance to the second nearest less that to the nearest: 0 on the cell's border
  Plane identity;  ///< a random number in [0, 1) of each cell
};
Cells cells(Dice& dice, int size, float across, float jitter = 0.9F);

}  // namespace res2clip::demo
