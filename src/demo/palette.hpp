#pragma once

#include <string_view>

#include "dice.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// A colour and the word for it.
struct NamedColour {
  std::string_view name;
  Colour colour;
};

/// Groups of colours that kinds of things come in.
enum class Tones { any, metal, wood, light, dark, ground, food, cloth, mineral };

/// One of the group's colours, slightly varied.
NamedColour colour_of(Dice& dice, Tones tones);

/// The same, but one that stands out from `other`.
NamedColour colour_against(Dice& dice, Tones tones, Colour other);

/// A slight variation of a colour: `spread` is the standard deviation of its brightness.
Colour varied(Dice& dice, Colour colour, float spread);

}  // namespace res2clip::demo
