// Textures made of threads: woven, knitted, tufted, and wire mesh.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {

ClassStyle weave(Dice& dice) {
  const NamedColour warp = colour_of(dice, Tones::cloth);
  const Colour weft = dice.chance(0.4F) ? colour_against(dice, Tones::cloth, warp.colour).colour
                                        : varied(dice, warp.colour * 0.85F, 0.05F);
  const float threads = dice.between(12, 30);
  const int period = dice.whole(2, 4);  // 2: plain weave, 3 and 4: twills
  const float angle = dice.chance(0.4F) ? dice.between(0.1F, 0.8F) : 0.F;
  const float depth = dice.between(0.25F, 0.5F);
  return {warp.name, [=](int size, Dice& specimen) {
            const Plane sway_x = smooth_noise(specimen, size, 3), sway_y = smooth_noise(specimen, size, 3);
            const Plane yarn = rough_noise(specimen, size, threads * 1.5F, 2), fine = grain(specimen, size);
            const Point shift{specimen.between(0, 4), specimen.between(0, 4)};
            const Turn turn(angle + specimen.bell(0.01F));
            return texture(size, 0.35F, [&](Point p, std::size_t i) -> Sample {
              const Point sway{sway_x[i] * 0.0025F, sway_y[i] * 0.0025F};
              const Point q = turn(p + sway) * threads + shift;
              const int column = static_cast<int>(std::floor(q.x)), row = static_cast<int>(std::floor(q.y));
              const float x = 2 * fraction(q.x) - 1, y = 2 * fraction(q.y) - 1;
              const bool warp_above = wrapped(column + row, period) != 0;
              const float across = warp_above ? x : y, along = warp_above ? y : x;
              const float height = (1 - square(across)) * (1 - 0.35F * square(along));
              const float shade = 1 - depth + depth * height + 0.04F * yarn[i] + 0.03F * fine[i];
              return {(warp_above ? warp.colour : weft) * shade, height * 0.5F / threads};
            });
          }};
}

ClassStyle knit(Dice& dice) {
  const NamedColour yarn = colour_of(dice, Tones::cloth);
  const Colour second = dice.chance(0.4F) ? colour_of(dice, Tones::cloth).colour : yarn.colour;
  const int stripe = dice.whole(2, 6);
  const float stitches = dice.between(9, 18), depth = dice.between(0.35F, 0.6F);
  return {yarn.name, [=](int size, Dice& specimen) {
            const Plane sway_x = smooth_noise(specimen, size, 4), sway_y = smooth_noise(specimen, size, 4);
            const Plane wool = rough_noise(specimen, size, stitches * 3, 2);
            const Point shift{specimen.between(0, 1), specimen.between(0, 12)};
            return texture(size, 0.3F, [&](Point p, std::size_t i) -> Sample {
              const float x = (p.x + sway_x[i] * 0.003F) * stitches + shift.x;
              const float y = (p.y + sway_y[i] * 0.003F) * stitches * 1.3F + shift.y;
              // Each stitch is a V: two slanted loops that meet on the stitch's middle line.
              const float side = fraction(x) - 0.5F;
              const float slanted = y + std::fabs(side) * 1.1F;
              const float along = 2 * fraction(slanted) - 1;
              const float across = (std::fabs(side) - 0.25F) * 4;
              const float loop = clamp01(1 - square(along) * 0.9F) * clamp01(1 - square(across) * 0.8F);
              const bool other = wrapped(static_cast<int>(std::floor(slanted)), 2 * stripe) >= stripe;
              const float shade = 1 - depth + depth * std::sqrt(loop) + 0.05F * wool[i];
              return {(other ? second : yarn.colour) * shade, loop * 0.35F / stitches};
            });
          }};
}

ClassStyle carpet(Dice& dice) {
  const NamedColour pile = colour_of(dice, Tones::cloth);
  const Colour fleck = colour_against(dice, Tones::cloth, pile.colour).colour;
  const float tufts = dice.between(38, 70), flecks = dice.between(0.0F, 0.35F);
  const float depth = dice.between(0.3F, 0.55F);
  return {pile.name, [=](int size, Dice& specimen) {
            const Cells tuft = cells(specimen, size, tufts, 0.8F);
            const Plane wear = smooth_noise(specimen, size, 3), fine = grain(specimen, size);
            return texture(size, 0.25F, [&](Point, std::size_t i) -> Sample {
              const float dome = clamp01(1 - square(tuft.nearest[i] * 1.25F));
              const bool flecked = tuft.identity[i] < flecks;
              const float shade = 1 - depth + depth * dome + 0.12F * (fraction(tuft.identity[i] * 7) - 0.5F) +
                                  0.02F * wear[i] + 0.04F * fine[i];
              return {mixed(pile.colour, fleck, flecked ? 0.6F : 0.F) * shade, dome * 0.35F / tufts};
            });
          }};
}

ClassStyle mesh(Dice& dice) {
  const NamedColour wire = colour_of(dice, Tones::metal);
  const Colour behind = colour_against(dice, Tones::ground, wire.colour).colour;
  const float wires = dice.between(8, 15), width = dice.between(0.15F, 0.26F);
  const float angle = dice.chance(0.5F) ? kPi / 4 : 0.F;
  return {wire.name, [=](int size, Dice& specimen) {
            const Plane sway_x = smooth_noise(specimen, size, 3), sway_y = smooth_noise(specimen, size, 3);
            const Plane clouds = rough_noise(specimen, size, 5, 3), fine = grain(specimen, size);
            const Point shift{specimen.between(0, 2), specimen.between(0, 2)};
            const Turn turn(angle + specimen.bell(0.012F));
            const float edge = edge_of(size) * wires;
            return texture(size, 0.2F, [&](Point p, std::size_t i) -> Sample {
              const Point q = turn(p + Point{sway_x[i] * 0.0015F, sway_y[i] * 0.0015F}) * wires + shift;
              const float x = fraction(q.x) - 0.5F, y = fraction(q.y) - 0.5F;
              const bool x_above =
                  wrapped(static_cast<int>(std::floor(q.x)) + static_cast<int>(std::floor(q.y)), 2) != 0;
              // The upper wire hides the lower one where they cross.
              const float upper = std::fabs(x_above ? x : y), lower = std::fabs(x_above ? y : x);
              const float on_upper = soft_step(width - upper, edge),
                          on_lower = soft_step(width - lower, edge);
              const float cover = on_upper > on_lower ? on_upper : on_lower;
              const float across = upper < width ? upper / width : lower / width;
              const float round = std::sqrt(clamp01(1 - square(across)));
              const float hidden = upper < width ? 1.F : 1 - 0.45F * bump((upper - width) * 5);
              const Colour metal = wire.colour * ((0.45F + 0.65F * round) * hidden + 0.02F * fine[i]);
              return {mixed(behind * (0.9F + 0.04F * clouds[i]), metal, cover),
                      round * cover * width * 0.5F / wires};
            });
          }};
}

}  // namespace res2clip::demo
