#pragma once

#include <vector>

#include "dice.hpp"
#include "ground.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// A line of short straight pieces.
using Path = std::vector<Point>;

/// A path of about `length` through `middle` in a random direction: `curl` is the turn over the whole length
/// in radians, `jitter` the standard deviation of the turn at each piece.
Path wander(Dice& dice, Point middle, float length, float curl, float jitter, int pieces = 28);

/// How far a pixel is from a path, and on which side.
struct Near {
  float distance = 1e9F;  ///< to the path's middle line
  float side = 0;         ///< towards the lower right of it (positive) or the upper left, as the light falls
  float along = 0;        ///< 0 at the path's start, 1 at its end
};

/// Calls act(index, near) for the pixels within `reach` of the path.
template <class Act>
void for_each_near(int size, const Path& path, float reach, Act act) {
  std::vector<Near> nearest(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  std::vector<std::size_t> touched;
  const float step = 1.F / static_cast<float>(size);
  const auto pixel = [&](float unit) {
    const float at = unit * static_cast<float>(size);
    return at < 0 ? 0 : (at > static_cast<float>(size) ? size : static_cast<int>(at));
  };
  for (std::size_t k = 0; k + 1 < path.size(); ++k) {
    const Point a = path[k], b = path[k + 1], along = b - a;
    const float squared = along.x * along.x + along.y * along.y;
    const int x0 = pixel((a.x < b.x ? a.x : b.x) - reach), x1 = pixel((a.x > b.x ? a.x : b.x) + reach + step);
    const int y0 = pixel((a.y < b.y ? a.y : b.y) - reach), y1 = pixel((a.y > b.y ? a.y : b.y) + reach + step);
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x) {
        const Point to =
            Point{(static_cast<float>(x) + 0.5F) * step, (static_cast<float>(y) + 0.5F) * step} - a;
        const float t = squared > 0 ? clamp01((to.x * along.x + to.y * along.y) / squared) : 0.F;
        const Point off = to - along * t;
        const float distance = length_of(off);
        if (distance > reach) continue;
        const auto i =
            static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x);
        Near& near = nearest[i];
        if (near.distance > reach) touched.push_back(i);
        if (distance < near.distance) {
          near.distance = distance;
          near.side = (off.x + off.y) * 0.70710678F;
          near.along = (static_cast<float>(k) + t) / static_cast<float>(path.size() - 1);
        }
      }
  }
  for (const std::size_t i : touched) act(i, nearest[i]);
}

/// An irregular round spot.
class Blob {
 public:
  /// `roughness` is how uneven the outline is, `stretch` how much longer than wide.
  Blob(Dice& dice, Point at, float radius, float roughness, float stretch);

  /// How far inside the point lies: about its distance to the outline, negative outside.
  float inside(Point p) const;
  float radius() const { return radius_; }

 private:
  Point at_;
  Turn turn_;
  float radius_, stretch_;
  float waves_[4], phases_[4];
};

/// Notes a defect's share of a pixel; where strokes overlap, the larger counts.
inline void note(Plane& cover, std::size_t i, float share) {
  if (share > cover[i]) cover[i] = share;
}

}  // namespace res2clip::demo
