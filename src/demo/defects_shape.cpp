// Defects of shape: bent, misplaced, dented and folded pieces.
#include "defect.hpp"
#include "noise.hpp"
#include "strokes.hpp"

namespace res2clip::demo {
namespace {

// The picture between its pixels; beyond its border it is mirrored.
Colour between_pixels(const std::vector<Colour>& pixels, int size, Point p) {
  const float x = p.x * static_cast<float>(size) - 0.5F, y = p.y * static_cast<float>(size) - 0.5F;
  const float left = std::floor(x), top = std::floor(y), dx = x - left, dy = y - top;
  const auto mirrored = [&](int at) {
    const int period = wrapped(at, 2 * size);
    return static_cast<std::size_t>(period < size ? period : 2 * size - 1 - period);
  };
  const auto side = static_cast<std::size_t>(size);
  const std::size_t x0 = mirrored(static_cast<int>(left)), x1 = mirrored(static_cast<int>(left) + 1);
  const std::size_t y0 = mirrored(static_cast<int>(top)) * side,
                    y1 = mirrored(static_cast<int>(top) + 1) * side;
  return mixed(mixed(pixels[y0 + x0], pixels[y0 + x1], dx), mixed(pixels[y1 + x0], pixels[y1 + x1], dx), dy);
}

// 1 in the inner part of a disc, 0 outside, smooth between.
float disc(float distance, float radius) {
  const float t = clamp01((1 - distance / radius) * 1.7F);
  return t * t * (3 - 2 * t);
}

}  // namespace

void bend(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const std::vector<Colour> straight = picture.pixels;
  const float radius = dice.between(0.10F, 0.21F);
  const bool swirl = dice.chance(0.5F);
  const float sign = dice.sign(), angle = sign * dice.between(0.7F, 1.6F);
  const Point way = towards(dice.direction());
  const Point push = way * (radius * dice.between(0.35F, 0.6F));
  const float shading = dice.between(0.2F, 0.5F);
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const Point off = p - at;
    const float distance = length_of(off);
    if (distance >= radius) return;
    const float strength = disc(distance, radius);
    const Point from = swirl ? at + Turn(angle * strength)(off) : p + push * strength;
    // The bulge rises in the middle: its flank towards the light is bright, the other one dark.
    const float flank = strength * (1 - strength) * 4;
    const float facing = -(off.x + off.y) / (radius * 1.41421356F);
    const float lit = shading * flank * facing;
    const Colour seen = between_pixels(straight, picture.size, from);
    picture.pixels[i] = seen * (1 + lit) + Colour{1, 1, 1} * (0.5F * lit);
    const float apart = difference(picture.pixels[i], straight[i]);
    cover[i] = apart > 0.02F && strength > 0.1F ? 1.F : 0.F;
  });
  // Where the surface looks the same by chance in between, it is bent all the same.
  const Plane closed = blurred(cover, picture.size / 50 + 1);
  for (std::size_t i = 0; i < cover.count(); ++i) cover[i] = closed[i] > 0.35F ? 1.F : 0.F;
}

void misplaced(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const std::vector<Colour> right = picture.pixels;
  const float radius = dice.between(0.07F, 0.15F), stretch = dice.between(1, 1.7F),
              edge = edge_of(picture.size);
  const Blob blob(dice, at, radius, 0.12F, stretch);
  const Turn turn(dice.between(0.5F, 5.6F));
  const float scale = dice.between(0.7F, 1.4F), shade = dice.between(0.82F, 1.18F);
  const Point from{at.x + dice.bell(0.15F), at.y + dice.bell(0.15F)};
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const float inside = blob.inside(p);
    const float shadow = 0.3F * soft_step(blob.inside(p - Point{0.008F, 0.008F}), 0.02F);
    if (inside < -0.03F) return;
    const float share = soft_step(inside, edge);
    const Colour piece = between_pixels(right, picture.size, from + turn(p - at) * scale) * shade;
    const float brink = 0.85F + 0.15F * clamp01(inside / 0.012F);
    picture.pixels[i] = mixed(right[i] * (1 - shadow * (1 - share)), piece * brink, share);
    note(cover, i, share);
  });
}

void dent(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const std::vector<Colour> flat = picture.pixels;
  const int count = dice.whole(1, 3);
  for (int k = 0; k < count; ++k) {
    const Point place = k == 0 ? at : at + Point{dice.bell(0.07F), dice.bell(0.07F)};
    const float radius = dice.between(0.035F, 0.10F), depth = dice.between(0.45F, 0.9F);
    const float outward = dice.chance(0.3F) ? -1.F : 1.F;
    for_each_pixel(picture.size, [&](Point p, std::size_t i) {
      const Point off = p - place;
      const float t = length_of(off) / radius;
      if (t >= 1) return;
      const float slope = 3.2F * t * (1 - t * t);  // of a smooth hollow, largest half way out
      const float facing = t > 0 ? (off.x + off.y) / (radius * t * 1.41421356F) : 0.F;
      const float lit = outward * depth * slope * facing * 0.6F - 0.25F * depth * bump(t);
      const Point from = place + off * (1 + 0.25F * outward * bump(t));
      const Colour seen = between_pixels(flat, picture.size, from);
      picture.pixels[i] = seen * (1 + lit) + Colour{1, 1, 1} * (lit > 0 ? 0.3F * lit : 0.F);
      note(cover, i, soft_step(0.93F - t, 0.08F));
    });
  }
}

void fold(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const std::vector<Colour> flat = picture.pixels;
  const float length = dice.between(0.25F, 0.6F), width = dice.between(0.03F, 0.07F);
  const float strength = dice.between(0.4F, 0.75F);
  const auto path = wander(dice, at, length, 0.6F, 0.02F);
  const float step = 1.F / static_cast<float>(picture.size);
  for_each_near(picture.size, path, width, [&](std::size_t i, const Near& near) {
    const float half = width * clamp01(5 * near.along * (1 - near.along)) * 0.9F;
    if (near.distance >= half) return;
    const float t = near.distance / half;
    const float ridge = (1 - t) * (1 - t);
    const float lit = near.side > 0 ? -strength * ridge * 0.8F : strength * ridge * 0.6F;
    const float crease = bump(near.distance / (2.5F * step)) * 0.45F;
    // The surface is drawn into the fold.
    const auto row = i / static_cast<std::size_t>(picture.size),
               column = i % static_cast<std::size_t>(picture.size);
    const Point p{(static_cast<float>(column) + 0.5F) * step, (static_cast<float>(row) + 0.5F) * step};
    const Point from = p + Point{near.side, near.side} * (0.8F * ridge);
    const Colour seen = between_pixels(flat, picture.size, from);
    picture.pixels[i] = seen * (1 + lit - crease) + Colour{1, 1, 1} * (lit > 0 ? 0.35F * lit : 0.F);
    note(cover, i, soft_step(0.85F - t, 0.2F));
  });
}

}  // namespace res2clip::demo
