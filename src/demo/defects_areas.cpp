// Defects that cover an area: holes, missing pieces, stains, discoloured patches, dirt, glue.
#include "defect.hpp"
#include "noise.hpp"
#include "palette.hpp"
#include "strokes.hpp"

namespace res2clip::demo {
namespace {

constexpr Colour kWhiteLight{1, 1, 1};

Colour mean_colour(const Picture& picture) {
  double r = 0, g = 0, b = 0;
  for (const Colour& pixel : picture.pixels) {
    r += static_cast<double>(pixel.r);
    g += static_cast<double>(pixel.g);
    b += static_cast<double>(pixel.b);
  }
  const auto count = static_cast<double>(picture.pixels.size());
  return {static_cast<float>(r / count), static_cast<float>(g / count), static_cast<float>(b / count)};
}

}  // namespace

void hole(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float radius = dice.between(0.028F, 0.085F), edge = edge_of(picture.size);
  const Blob blob(dice, at, radius, 0.25F, dice.between(1, 1.5F));
  const bool on_dark = brightness(mean_colour(picture)) < 0.3F;
  const float depth = dice.between(0.05F, 0.22F) + (on_dark ? 0.35F : 0.F);
  const float rim = dice.between(0.008F, 0.016F);
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const float inside = blob.inside(p);
    if (inside < -rim - edge) return;
    const float open = soft_step(inside, edge), torn = soft_step(inside + rim, edge);
    const Point off = p - at;
    const float facing = (off.x + off.y) / (radius * 1.5F);
    const Colour bottom = picture.is_object() ? picture.ground[i] * (0.35F + depth) : kWhiteLight * depth;
    // The wall under the upper left edge lies in shadow, the opposite one is lit.
    const Colour wall = bottom * (1 + 0.8F * facing * clamp01(1 - inside / 0.03F));
    const Colour frayed = picture.pixels[i] * (1.25F + 0.2F * facing) + kWhiteLight * 0.05F;
    picture.pixels[i] = mixed(mixed(picture.pixels[i], frayed, torn), wall, open);
    note(cover, i, torn);
  });
}

void missing(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float radius = dice.between(0.05F, 0.13F), edge = edge_of(picture.size), stretch = dice.between(1, 2);
  const Blob blob(dice, at, radius, 0.3F, stretch);
  const Plane jagged = smooth_noise(dice, picture.size, 24), fine = grain(dice, picture.size);
  const float shade = dice.chance(0.5F) ? dice.between(0.55F, 0.75F) : dice.between(1.25F, 1.45F);
  const Colour layer = mean_colour(picture);
  const Colour base = brightness(layer) < 0.25F ? layer + kWhiteLight * 0.16F : layer * shade;
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const float inside = blob.inside(p) + 0.006F * jagged[i];
    if (inside < -edge) return;
    const float gone = soft_step(inside, edge);
    if (picture.is_object()) {
      picture.pixels[i] = mixed(picture.pixels[i], picture.ground[i], gone);
      note(cover, i, gone * picture.part[i]);
      return;
    }
    // A layer has come off: its edge throws a shadow on what was under it.
    const Point off = p - at;
    const float facing = (off.x + off.y) / (radius * 1.5F);
    const float brink = clamp01(1 - inside / 0.02F) * facing;
    picture.pixels[i] =
        mixed(picture.pixels[i], base * (1 + 0.3F * brink + 0.03F * fine[i] + 0.03F * jagged[i]), gone);
    note(cover, i, gone);
  });
}

void stain(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float radius = dice.between(0.06F, 0.17F), stretch = dice.between(1, 1.8F);
  const Blob blob(dice, at, radius, 0.5F, stretch);
  const Plane uneven = rough_noise(dice, picture.size, 9, 3);
  const bool dark = brightness(mean_colour(picture)) > 0.3F;
  const Colour liquid = colour_of(dice, dark ? Tones::wood : Tones::light).colour;
  const float strength = dice.between(0.35F, 0.75F), soft = dice.between(0.012F, 0.04F);
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const float inside = blob.inside(p) + 0.012F * uneven[i];
    if (inside < -soft) return;
    const float wet = soft_step(inside, soft);
    const float ring = 0.35F * bump((inside - soft * 0.6F) / soft);  // what dries last leaves a darker rim
    const Colour pixel = picture.pixels[i];
    const Colour soaked{pixel.r * liquid.r * 1.15F, pixel.g * liquid.g * 1.15F, pixel.b * liquid.b * 1.15F};
    const Colour dried = dark ? soaked : mixed(pixel, liquid, 0.6F);
    const float share = strength * (0.85F + 0.12F * uneven[i]) + (dark ? ring : 0.F);
    picture.pixels[i] = mixed(pixel, dried, wet * clamp01(share));
    note(cover, i, wet);
  });
}

void discoloration(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float radius = dice.between(0.10F, 0.24F), stretch = dice.between(1, 2.2F);
  const Blob blob(dice, at, radius, 0.35F, stretch);
  const Plane uneven = rough_noise(dice, picture.size, 5, 3);
  const float soft = dice.between(0.03F, 0.10F), strength = dice.between(0.16F, 0.34F);
  const float brighter = brightness(mean_colour(picture)) < 0.35F || dice.chance(0.4F) ? 1.F : -1.F;
  const float tint_r = dice.bell(0.06F), tint_g = dice.bell(0.04F), tint_b = dice.bell(0.06F);
  const Colour lift = brighter > 0 ? kWhiteLight * 0.05F : Colour{};
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const float inside = blob.inside(p) + 0.02F * uneven[i];
    if (inside < -soft) return;
    const float share = soft_step(inside, soft * 2);
    const float shade = 1 + brighter * strength;
    const Colour pixel = picture.pixels[i];
    const Colour faded{pixel.r * (shade + tint_r), pixel.g * (shade + tint_g), pixel.b * (shade + tint_b)};
    picture.pixels[i] = mixed(pixel, faded + lift, share);
    note(cover, i, share);
  });
}

void contamination(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const int lumps = dice.whole(1, 5);
  const Colour dirt = colour_against(dice, Tones::any, mean_colour(picture)).colour;
  const Plane lumpy = rough_noise(dice, picture.size, 30, 2);
  const float edge = edge_of(picture.size);
  for (int k = 0; k < lumps; ++k) {
    const Point place = at + Point{dice.bell(0.045F), dice.bell(0.045F)};
    const float radius = dice.between(0.018F, 0.06F), stretch = dice.between(1, 2.6F);
    const Blob blob(dice, place, radius, 0.5F, stretch);
    for_each_pixel(picture.size, [&](Point p, std::size_t i) {
      const float inside = blob.inside(p);
      if (inside < -0.02F) return;
      const float share = soft_step(inside, edge);
      const float shadow = 0.3F * soft_step(blob.inside(p - Point{0.008F, 0.008F}), 0.015F);
      const Point off = p - place;
      const float facing = -(off.x + off.y) / (radius * 1.4F);
      const float shade = 0.85F + 0.3F * facing + 0.12F * lumpy[i];
      picture.pixels[i] = mixed(picture.pixels[i] * (1 - shadow * (1 - share)), dirt * shade, share);
      note(cover, i, share);
    });
  }
}

void glue(Picture& picture, Plane& cover, Point at, Dice& dice) {
  const float radius = dice.between(0.05F, 0.13F), stretch = dice.between(1, 2), edge = edge_of(picture.size);
  const Blob blob(dice, at, radius, 0.4F, stretch);
  const float milky = dice.between(0.2F, 0.45F), lift = dice.between(0.05F, 0.15F);
  const Plane ripple = smooth_noise(dice, picture.size, 14);
  const Colour haze = mixed(mean_colour(picture), kWhiteLight, 0.55F);
  for_each_pixel(picture.size, [&](Point p, std::size_t i) {
    const float inside = blob.inside(p);
    if (inside < -edge) return;
    const float share = soft_step(inside, edge);
    const float rim = clamp01(1 - inside / (radius * 0.35F));
    const Point off = p - at;
    const float facing = -(off.x + off.y) / (radius * 1.4F);
    // A clear drop: hazy, lit on its shoulder, with small mirror lights on the ripples.
    const float mirror = 0.5F * clamp01((ripple[i] - 1.1F) * 2) + 0.45F * rim * clamp01(facing);
    const float dark = 0.3F * rim * clamp01(-facing);
    const Colour drop = mixed(picture.pixels[i], haze, milky) + kWhiteLight * (lift + mirror - dark);
    picture.pixels[i] = mixed(picture.pixels[i], drop, share);
    note(cover, i, share);
  });
}

}  // namespace res2clip::demo
