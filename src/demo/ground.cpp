#include "ground.hpp"

namespace res2clip::demo {

Ground Ground::of_class(Dice& dice) {
  const Colour colour = colour_of(dice, Tones::ground).colour;
  const float cloudiness = dice.between(0.0F, 0.04F);
  const float roughness = dice.between(0.004F, 0.025F);
  return {colour, cloudiness, roughness};
}

std::vector<Colour> Ground::draw(int size, Dice& specimen) const {
  const Plane clouds = rough_noise(specimen, size, 4, 3);
  const Plane fine = grain(specimen, size);
  const Point slope{specimen.bell(0.06F), specimen.bell(0.06F)};
  std::vector<Colour> pixels(clouds.count());
  for_each_pixel(size, [&](Point p, std::size_t i) {
    const float falloff = slope.x * (p.x - 0.5F) + slope.y * (p.y - 0.5F);
    pixels[i] = colour * (1 + falloff + cloudiness * clouds[i] + roughness * fine[i]);
  });
  return pixels;
}

}  // namespace res2clip::demo
