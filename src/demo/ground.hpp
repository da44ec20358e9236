#pragma once

#include "dice.hpp"
#include "noise.hpp"
#include "palette.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// What the objects of a class lie on.
struct Ground {
  Colour colour;
  float cloudiness;
  float roughness;

  static Ground of_class(Dice& dice);
  std::vector<Colour> draw(int size, Dice& specimen) const;
};

/// Where a specimen lies: moved a little, turned a little or, for classes whose parts lie loose, by any
/// angle.
struct Placing {
  Point move;
  Turn turn;

  static Placing draw(Dice& specimen, bool loose) {
    const float dx = specimen.bell(0.01F), dy = specimen.bell(0.01F);
    const float angle = loose ? specimen.direction() : specimen.bell(0.03F);
    return {{dx, dy}, Turn(angle)};
  }
  /// The point in the object's own frame, its centre at the origin.
  Point operator()(Point p) const { return turn(p - Point{0.5F, 0.5F} - move); }
};

/// The width of a soft edge: about a pixel and a half.
inline float edge_of(int size) {
  return 1.6F / static_cast<float>(size);
}

}  // namespace res2clip::demo
