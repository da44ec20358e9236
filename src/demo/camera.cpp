#include "camera.hpp"

#include "noise.hpp"

namespace res2clip::demo {

std::vector<std::uint8_t> photograph(const Picture& picture, Dice& dice) {
  const float exposure = 1 + dice.bell(0.03F), offset = dice.bell(0.012F),
              noise = dice.between(0.004F, 0.009F);
  const Plane sensor = grain(dice, picture.size);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(picture.pixels.size() * 3);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    const Colour& pixel = picture.pixels[i];
    for (const float value : {pixel.r, pixel.g, pixel.b}) {
      const float seen = clamp01(value * exposure + offset + noise * sensor[i]);
      bytes.push_back(static_cast<std::uint8_t>(seen * 255 + 0.5F));
    }
  }
  return bytes;
}

}  // namespace res2clip::demo
