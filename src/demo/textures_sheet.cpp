// Textures of sheets: brushed, punched, bent and painted.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {
namespace {

Plane turned_over(const Plane& plane) {
  Plane out(plane.size());
  for (int y = 0; y < plane.size(); ++y)
    for (int x = 0; x < plane.size(); ++x) out.row(x)[y] = plane.row(y)[x];
  return out;
}

}  // namespace

ClassStyle brushed_metal(Dice& dice) {
  const NamedColour metal = colour_of(dice, Tones::metal);
  const float contrast = dice.between(0.03F, 0.08F), length = dice.between(0.2F, 0.6F);
  const bool upright = dice.chance(0.5F);
  const float gloss = dice.between(0.05F, 0.22F), gloss_width = dice.between(0.3F, 0.6F);
  return {metal.name, [=](int size, Dice& specimen) {
            Plane strokes = streaks(specimen, size, length),
                  short_strokes = streaks(specimen, size, length * 0.3F);
            if (upright) strokes = turned_over(strokes), short_strokes = turned_over(short_strokes);
            const Plane fine = grain(specimen, size);
            const float middle = 0.5F + specimen.bell(0.06F);
            return texture(size, 0, [&](Point p, std::size_t i) -> Sample {
              const float shine = gloss * bump(((upright ? p.y : p.x) - middle) / gloss_width);
              const float shade =
                  0.95F + contrast * (strokes[i] + 0.7F * short_strokes[i]) + 0.012F * fine[i] + shine;
              return {metal.colour * shade};
            });
          }};
}

ClassStyle perforated(Dice& dice) {
  const NamedColour sheet = colour_of(dice, dice.chance(0.7F) ? Tones::metal : Tones::any);
  const Colour behind = dice.chance(0.7F) ? Colour{0.08F, 0.08F, 0.09F}
                                          : colour_against(dice, Tones::ground, sheet.colour).colour;
  const float across = dice.between(5, 11), radius = dice.between(0.22F, 0.36F);
  const bool staggered = dice.chance(0.6F), square_holes = dice.chance(0.3F);
  return {sheet.name, [=](int size, Dice& specimen) {
            const Plane clouds = rough_noise(specimen, size, 3, 2), fine = grain(specimen, size);
            const Plane strokes = streaks(specimen, size, 0.4F);
            const Point shift{specimen.between(0, 2), specimen.between(0, 2)};
            const Turn turn(specimen.bell(0.008F));
            const float edge = edge_of(size) * across;
            return texture(size, 0.5F, [&](Point p, std::size_t i) -> Sample {
              Point q = turn(p) * across + shift;
              if (staggered) q.x += 0.5F * static_cast<float>(wrapped(static_cast<int>(std::floor(q.y)), 2));
              const float x = std::fabs(fraction(q.x) - 0.5F), y = std::fabs(fraction(q.y) - 0.5F);
              const float distance = radius - (square_holes ? (x > y ? x : y) : length_of(x, y));
              const float hole = soft_step(distance, edge);
              const float rim = clamp01(1 + distance / 0.1F);
              const float shade = 1 + 0.03F * clouds[i] + 0.02F * strokes[i] + 0.015F * fine[i];
              return {mixed(sheet.colour * shade, behind, hole), -(1 - hole) * rim * 0.03F / across};
            });
          }};
}

ClassStyle corrugated(Dice& dice) {
  const NamedColour sheet = colour_of(dice, Tones::any);
  const float ribs = dice.between(6, 18), angle = dice.between(0, kPi), sharpness = dice.between(0.0F, 0.9F);
  const float depth = dice.between(0.15F, 0.4F);
  return {sheet.name, [=](int size, Dice& specimen) {
            const Plane clouds = rough_noise(specimen, size, 3, 3), fine = grain(specimen, size);
            const float shift = specimen.between(0, 1);
            const Turn turn(angle + specimen.bell(0.01F));
            return texture(size, 0.3F, [&](Point p, std::size_t i) -> Sample {
              const float wave = 0.5F + 0.5F * cosine(2 * kPi * (turn(p).x * ribs + shift));
              const float height = wave + sharpness * (wave * wave * (3 - 2 * wave) - wave);
              const float shade = 1 - depth + depth * height + 0.03F * clouds[i] + 0.015F * fine[i];
              return {sheet.colour * shade, height * 0.3F / ribs};
            });
          }};
}

ClassStyle painted(Dice& dice) {
  const NamedColour paint = colour_of(dice, Tones::any);
  const float peel = dice.between(30, 70), bumps = dice.between(0.0F, 0.0012F),
              flakes = dice.between(0.0F, 0.03F);
  const float gloss = dice.between(0.0F, 0.16F);
  return {paint.name, [=](int size, Dice& specimen) {
            const Plane orange_peel = smooth_noise(specimen, size, peel), fine = grain(specimen, size);
            const Point slope{specimen.bell(0.07F), specimen.bell(0.07F)};
            const Point lamp{0.35F + specimen.bell(0.05F), 0.3F + specimen.bell(0.05F)};
            return texture(size, 0.6F, [&](Point p, std::size_t i) -> Sample {
              const float falloff = slope.x * (p.x - 0.5F) + slope.y * (p.y - 0.5F);
              const float shine = gloss * bump(length_of(p - lamp) / 0.7F);
              return {paint.colour * (1 + falloff + (0.006F + flakes) * fine[i]) + Colour{1, 1, 1} * shine,
                      bumps * orange_peel[i]};
            });
          }};
}

}  // namespace res2clip::demo
