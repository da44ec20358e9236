#pragma once

#include <cstdint>
#include <vector>

#include "dice.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// What the camera makes of a picture: exposure, sensor noise, and 8 bits per channel; [size, size, 3].
std::vector<std::uint8_t> photograph(const Picture& picture, Dice& dice);

}  // namespace res2clip::demo
