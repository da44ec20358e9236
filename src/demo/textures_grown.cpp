// Textures that grew: wood, fibres, pores, hides.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {

ClassStyle wood(Dice& dice) {
  const NamedColour timber = colour_of(dice, Tones::wood);
  const Colour late = varied(dice, timber.colour * 0.62F, 0.02F);
  const float rings = dice.between(6, 16), waviness = dice.between(0.15F, 0.5F);
  const float contrast = dice.between(0.35F, 0.8F);
  const bool upright = dice.chance(0.5F);
  const int boards = dice.chance(0.35F) ? dice.whole(2, 4) : 1;
  return {timber.name, [=](int size, Dice& specimen) {
            const Plane warp = rough_noise(specimen, size, 2, 2);
            const Plane fibre = streaks(specimen, size, 0.35F), pore = streaks(specimen, size, 0.08F);
            float offset[4], tone[4];
            for (int b = 0; b < 4; ++b) offset[b] = specimen.between(0, 9), tone[b] = specimen.bell(0.05F);
            const float slant = specimen.bell(0.25F), bow = specimen.bell(0.6F);
            Picture picture = texture(size, 0, [&](Point p, std::size_t i) -> Sample {
              // Along the grain is x; the board's end shows as y.
              const float lane = p.y * static_cast<float>(boards);
              const int board = static_cast<int>(lane);
              const float across = (lane - static_cast<float>(board)) / static_cast<float>(boards);
              const float bend = slant * p.x + bow * square(p.x - 0.4F);
              const float ring = rings * across + offset[board] + waviness * (warp[i] + bend);
              const float t = fraction(ring);
              const float dark =
                  t * t * (t < 0.9F ? 1.F : (1 - t) * 10);  // slow rise, sudden end of each year
              const float seam = boards > 1 ? clamp01(1 - (0.5F - std::fabs(fraction(lane) - 0.5F)) * 60 /
                                                              static_cast<float>(boards))
                                            : 0.F;
              const float shade =
                  1 + tone[board] + 0.045F * fibre[i] - 0.10F * clamp01(pore[i] - 1.1F) - 0.55F * seam;
              return {mixed(timber.colour, late, contrast * dark) * shade};
            });
            if (upright) {
              const std::vector<Colour> lying = picture.pixels;
              const auto side = static_cast<std::size_t>(size);
              for (std::size_t y = 0; y < side; ++y)
                for (std::size_t x = 0; x < side; ++x) picture.pixels[x * side + y] = lying[y * side + x];
            }
            return picture;
          }};
}

ClassStyle paper(Dice& dice) {
  const NamedColour pulp = colour_of(dice, dice.chance(0.7F) ? Tones::light : Tones::wood);
  const float fibres = dice.between(0.015F, 0.04F), clouds = dice.between(0.01F, 0.04F);
  const float flute = dice.chance(0.4F) ? dice.between(14, 26) : 0.F;  // cardboard
  return {pulp.name, [=](int size, Dice& specimen) {
            const Plane lying = streaks(specimen, size, 0.06F);
            const Plane cloud = rough_noise(specimen, size, 5, 4, 0.7F), fine = grain(specimen, size);
            const Plane mottle = smooth_noise(specimen, size, 60, 90);
            const float shift = specimen.between(0, 1);
            return texture(size, 0.3F, [&](Point p, std::size_t i) -> Sample {
              const float shade = 1 + fibres * (lying[i] + mottle[i]) + clouds * cloud[i] + 0.012F * fine[i];
              const float wave = flute > 0 ? 0.0022F * cosine(2 * kPi * (p.x * flute + shift)) : 0.F;
              return {pulp.colour * shade, wave};
            });
          }};
}

ClassStyle foam(Dice& dice) {
  const NamedColour rubber = colour_of(dice, Tones::any);
  const float across = dice.between(13, 28), wall = dice.between(0.08F, 0.2F),
              depth = dice.between(0.4F, 0.65F);
  return {rubber.name, [=](int size, Dice& specimen) {
            const Cells bubble = cells(specimen, size, across, 0.95F);
            const Cells small = cells(specimen, size, across * 2.3F, 0.95F);
            const Plane fine = grain(specimen, size), cloud = smooth_noise(specimen, size, 4);
            return texture(size, 0.3F, [&](Point, std::size_t i) -> Sample {
              const float open = bubble.identity[i] < 0.6F ? clamp01((bubble.border[i] - wall) * 4) : 0.F;
              const float pin = clamp01((small.border[i] - 0.3F) * 4) * 0.35F;
              const float hollow = open > pin ? open : pin;
              const float shade = 1 - depth * hollow + 0.03F * fine[i] + 0.03F * cloud[i];
              return {rubber.colour * shade, -hollow * 0.18F / across};
            });
          }};
}

ClassStyle leather(Dice& dice) {
  const NamedColour hide = colour_of(dice, dice.chance(0.6F) ? Tones::wood : Tones::cloth);
  const float across = dice.between(26, 48), crease = dice.between(0.18F, 0.34F),
              depth = dice.between(0.25F, 0.5F);
  return {hide.name, [=](int size, Dice& specimen) {
            const Cells pebble = cells(specimen, size, across, 0.95F);
            const Plane wrinkle = rough_noise(specimen, size, across * 0.4F, 3);
            const Plane cloud = smooth_noise(specimen, size, 3), fine = grain(specimen, size);
            return texture(size, 0.35F, [&](Point, std::size_t i) -> Sample {
              const float dome = clamp01(pebble.border[i] / crease);
              const float height = dome * (2 - dome);
              const float shade =
                  1 - depth + depth * height + 0.03F * wrinkle[i] + 0.025F * cloud[i] + 0.02F * fine[i];
              return {hide.colour * shade, height * 0.22F / across + wrinkle[i] * 0.0006F};
            });
          }};
}

}  // namespace res2clip::demo
