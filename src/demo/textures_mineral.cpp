// Textures that are cast, fired or broken out of rock.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {

ClassStyle tiles(Dice& dice) {
  const NamedColour tile = colour_of(dice, Tones::any);
  const Colour grout = colour_against(dice, Tones::mineral, tile.colour).colour;
  const float across = static_cast<float>(dice.whole(3, 6)), gap = dice.between(0.03F, 0.06F);
  const bool brick = dice.chance(0.5F);
  const float tones = dice.between(0.02F, 0.09F), glaze = dice.between(0.0F, 0.05F);
  return {tile.name, [=](int size, Dice& specimen) {
            const Plane clouds = rough_noise(specimen, size, across * 2, 3), fine = grain(specimen, size);
            const Point shift{specimen.bell(0.02F), specimen.bell(0.02F)};
            const Turn turn(specimen.bell(0.006F));
            float tone[64];
            for (float& value : tone) value = specimen.bell(tones);
            const float edge = edge_of(size) * across;
            return texture(size, 0.35F, [&](Point p, std::size_t i) -> Sample {
              Point q = turn(p + shift) * across + Point{8, 8};
              const int row = static_cast<int>(std::floor(q.y * (brick ? 2.F : 1.F)));
              if (brick) q = {q.x + 0.5F * static_cast<float>(row % 2), q.y * 2};
              const int column = static_cast<int>(std::floor(q.x));
              const float x = 0.5F - std::fabs(fraction(q.x) - 0.5F),
                          y = 0.5F - std::fabs(fraction(q.y) - 0.5F);
              const float from_edge = (brick ? (x * 2 < y ? x * 2 : y) : (x < y ? x : y)) - gap;
              const float inside = soft_step(from_edge, edge * (brick ? 2.F : 1.F));
              const float lift = clamp01(from_edge / 0.06F);
              const Colour fired =
                  tile.colour * (1 + tone[wrapped(row * 5 + column * 3, 64)] + glaze * clouds[i]);
              const Colour joint = grout * (1 + 0.05F * fine[i] + 0.03F * clouds[i]);
              return {mixed(joint, fired, inside), lift * 0.045F / across};
            });
          }};
}

ClassStyle concrete(Dice& dice) {
  const NamedColour cement = colour_of(dice, Tones::mineral);
  const float clouds = dice.between(0.04F, 0.10F), coarse = dice.between(3, 9);
  const float pores = dice.between(14, 30), porous = dice.between(0.0F, 0.22F);
  return {cement.name, [=](int size, Dice& specimen) {
            const Plane cloud = rough_noise(specimen, size, coarse, 5, 0.65F), fine = grain(specimen, size);
            const Cells pore = cells(specimen, size, pores);
            return texture(size, 0.25F, [&](Point, std::size_t i) -> Sample {
              const float radius = 0.08F + 0.2F * fraction(pore.identity[i] * 13);
              const float pit = pore.identity[i] < porous ? clamp01((radius - pore.nearest[i]) * 8) : 0.F;
              const float shade = 1 + clouds * cloud[i] + 0.035F * fine[i] - 0.22F * pit;
              return {cement.colour * shade, -pit * 0.25F / pores + cloud[i] * 0.001F};
            });
          }};
}

ClassStyle granite(Dice& dice) {
  const NamedColour matrix = colour_of(dice, Tones::mineral);
  const Colour chips[] = {colour_of(dice, Tones::any).colour, colour_of(dice, Tones::mineral).colour,
                          varied(dice, matrix.colour, 0.1F)};
  const float across = dice.between(16, 36), share = dice.between(0.45F, 0.95F);
  const Colour first = chips[0], second = chips[1], third = chips[2];
  return {
      matrix.name, [=](int size, Dice& specimen) {
        const Cells chip = cells(specimen, size, across, 1.0F);
        const Plane cloud = rough_noise(specimen, size, across, 2), fine = grain(specimen, size);
        return texture(size, 0, [&](Point, std::size_t i) -> Sample {
          const float id = chip.identity[i];
          const float big = 0.1F + 0.25F * fraction(id * 17);
          const float inside = id < share ? soft_step(chip.border[i] - big + 0.1F * cloud[i], 0.12F) : 0.F;
          const float pick = fraction(id * 29);
          const Colour stone = pick < 0.35F ? first : (pick < 0.7F ? second : third);
          const Colour base = matrix.colour * (1 + 0.05F * cloud[i]);
          return {mixed(base, stone * (0.9F + 0.2F * fraction(id * 41)), inside) * (1 + 0.025F * fine[i])};
        });
      }};
}

ClassStyle honeycomb(Dice& dice) {
  const NamedColour wall = colour_of(dice, Tones::any);
  const Colour floor =
      dice.chance(0.5F) ? wall.colour * 0.45F : colour_against(dice, Tones::any, wall.colour).colour;
  const float across = dice.between(5, 10), gap = dice.between(0.05F, 0.13F);
  return {
      wall.name, [=](int size, Dice& specimen) {
        const Plane clouds = rough_noise(specimen, size, 4, 3), fine = grain(specimen, size);
        const Point shift{specimen.between(0, 1), specimen.between(0, 1)};
        const Turn turn(specimen.bell(0.01F));
        const float edge = edge_of(size) * across;
        return texture(size, 0.3F, [&](Point p, std::size_t i) -> Sample {
          const Point q = turn(p) * across + shift;
          // Two interleaved rectangular lattices make the hexagons.
          const auto to_border = [&](float ox, float oy) {
            const float x = std::fabs(fraction(q.x + ox) - 0.5F);
            const float y = std::fabs(fraction((q.y + oy) / 1.7320508F) - 0.5F) * 1.7320508F;
            const float slanted = x * 0.5F + y * 0.8660254F;
            return 0.5F - (x > slanted ? x : slanted);
          };
          const float a = to_border(0, 0), b = to_border(0.5F, 0.8660254F);
          const float distance = (a > b ? a : b) - gap;
          const float inside = soft_step(distance, edge);
          const float shade = 1 + 0.03F * clouds[i] + 0.02F * fine[i];
          const float deep = 1 - 0.35F * clamp01(1 - distance * 6);
          return {mixed(wall.colour, floor * deep, inside) * shade, -clamp01(distance * 8) * 0.12F / across};
        });
      }};
}

}  // namespace res2clip::demo
