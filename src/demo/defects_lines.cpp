// Defects along a line: scratches, cracks, cuts, threads.
#include "defect.hpp"
#include "palette.hpp"
#include "strokes.hpp"

namespace res2clip::demo {
namespace {

Colour colour_at(const Picture& picture, Point at) {
  const auto pixel = [&](float unit) {
    const int i = static_cast<int>(unit * static_cast<float>(picture.size));
    return static_cast<std::size_t>(i < 0 ? 0 : (i >= picture.size ? picture.size - 1 : i));
  };
  return picture.pixels[pixel(at.y) * static_cast<std::size_t>(picture.size) + pixel(at.x)];
}

constexpr Colour kWhiteLight{1, 1, 1};

}  // namespace

void scratch(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const int strokes_count = dice.whole(1, 3);
  const Colour here = colour_at(picture, at);
  const bool brighter = brightness(here) < 0.35F || (brightness(here) < 0.7F && dice.chance(0.6F));
  const float tone = dice.between(0.22F, 0.45F), edge = edge_of(picture.size);
  const Colour line = brighter ? here + kWhiteLight * tone : here + kWhiteLight * -tone;
  for (int k = 0; k < strokes_count; ++k) {
    const Point offset{dice.bell(0.02F), dice.bell(0.02F)};
    const float length = dice.between(0.14F, 0.5F), width = dice.between(0.005F, 0.013F);
    const float strength = dice.between(0.75F, 1);
    const auto path = wander(dice, at + offset, length, 0.5F, 0.015F);
    for_each_near(picture.size, path, width + edge, [&](std::size_t i, const Near& near) {
      const float taper = 0.35F + 0.65F * clamp01(8 * near.along * (1 - near.along));
      const float share = soft_step(width * taper / 2 - near.distance, edge);
      // The lip away from the light catches it, the near one lies in shadow.
      const float lip = near.side > 0 ? 0.10F : -0.10F;
      picture.pixels[i] = mixed(picture.pixels[i], line + kWhiteLight * lip, share * strength);
      note(cover, i, share);
    });
  }
}

void crack(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float length = dice.between(0.2F, 0.55F), width = dice.between(0.006F, 0.016F);
  const float depth = dice.between(0.55F, 0.9F), edge = edge_of(picture.size);
  // On dark material a crack shows bright: broken edges scatter light.
  const Colour inside = brightness(colour_at(picture, at)) < 0.25F ? kWhiteLight * 0.5F : Colour{};
  const auto draw = [&](const std::vector<Point>& path, float wide) {
    for_each_near(picture.size, path, wide + edge * 2, [&](std::size_t i, const Near& near) {
      const float half = wide / 2 * (1 - 0.7F * near.along);
      const float share = soft_step(half - near.distance, edge);
      const float lip = bump((near.distance - half - edge) / (edge * 1.5F)) * (near.side > 0 ? 0.08F : 0.F);
      picture.pixels[i] = mixed(picture.pixels[i] * (1 + lip), inside, depth * share);
      note(cover, i, share);
    });
  };
  const auto trunk = wander(dice, at, length, 0.6F, 0.32F);
  draw(trunk, width);
  const int branches = dice.whole(1, 4);
  for (int k = 0; k < branches; ++k) {
    const Point from = trunk[2 + dice.index(trunk.size() - 3)];
    const float reach = length * dice.between(0.15F, 0.35F);
    auto branch = wander(dice, from, reach, 0.6F, 0.35F, 12);
    const Point shift = from - branch.front();
    for (Point& point : branch) point = point + shift;
    draw(branch, width * 0.7F);
  }
}

void cut(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float length = dice.between(0.12F, 0.42F), width = dice.between(0.012F, 0.03F);
  const float edge = edge_of(picture.size), lip = width * 0.55F;
  const auto path = wander(dice, at, length, 0.25F, 0.01F);
  for_each_near(picture.size, path, width + lip + edge, [&](std::size_t i, const Near& near) {
    const float open = clamp01(6 * near.along * (1 - near.along));
    const float half = width / 2 * open;
    const float gap = soft_step(half - near.distance, edge);
    const float on_lip = soft_step(half + lip * open - near.distance, edge);
    const float lit = near.side > 0 ? 0.28F : -0.15F;
    const Colour raised = picture.pixels[i] * (1 + lit) + kWhiteLight * (lit > 0 ? lit * 0.5F : 0.F);
    picture.pixels[i] = mixed(mixed(picture.pixels[i], raised, on_lip), picture.pixels[i] * 0.12F, gap);
    note(cover, i, on_lip);
  });
}

void thread(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float length = dice.between(0.25F, 0.7F), width = dice.between(0.009F, 0.022F);
  const Colour fibre = colour_against(dice, Tones::any, colour_at(picture, at)).colour;
  const float edge = edge_of(picture.size), drop = 0.008F;
  const auto path = wander(dice, at, length, 4.5F, 0.16F, 40);
  auto shadow = path;
  for (Point& point : shadow) point = point + Point{drop, drop};
  for_each_near(picture.size, shadow, width, [&](std::size_t i, const Near& near) {
    picture.pixels[i] = picture.pixels[i] * (1 - 0.3F * soft_step(width / 2 - near.distance, edge * 3));
  });
  const float twist = dice.between(30, 70);
  for_each_near(picture.size, path, width / 2 + edge, [&](std::size_t i, const Near& near) {
    const float share = soft_step(width / 2 - near.distance, edge);
    const float across = near.side / width * 2;
    const float shade = 0.95F - 0.3F * across + 0.10F * sine(near.along * twist * 2 * kPi + across * 2);
    picture.pixels[i] = mixed(picture.pixels[i], fibre * shade, share);
    note(cover, i, share);
  });
}

}  // namespace res2clip::demo
