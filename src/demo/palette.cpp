#include "palette.hpp"

#include <span>

namespace res2clip::demo {
namespace {

constexpr NamedColour kRed{"red", {.70F, .17F, .15F}}, kGreen{"green", {.20F, .48F, .26F}},
    kBlue{"blue", {.18F, .30F, .60F}}, kYellow{"yellow", {.84F, .72F, .22F}},
    kGrey{"grey", {.52F, .52F, .53F}}, kWhite{"white", {.87F, .87F, .85F}},
    kBlack{"black", {.13F, .13F, .14F}}, kBrown{"brown", {.43F, .28F, .17F}},
    kOrange{"orange", {.84F, .47F, .16F}}, kPurple{"purple", {.42F, .24F, .50F}},
    kBeige{"beige", {.77F, .68F, .54F}}, kPink{"pink", {.84F, .56F, .60F}},
    kSilver{"silver", {.70F, .71F, .73F}}, kDark{"dark", {.24F, .24F, .26F}},
    kTeal{"teal", {.14F, .45F, .46F}}, kGolden{"golden", {.76F, .60F, .30F}},
    kCopper{"copper", {.70F, .42F, .28F}};

constexpr NamedColour kAny[] = {kRed,  kGreen,  kBlue,   kYellow, kGrey,   kWhite, kBlack, kBrown,
                                kTeal, kOrange, kPurple, kBeige,  kSilver, kPink,  kDark};
constexpr NamedColour kMetal[] = {kSilver, kGrey, kDark, kGolden, kCopper, kSilver};
constexpr NamedColour kWood[] = {kBrown, kBeige, kOrange, kGolden, kBrown};
constexpr NamedColour kLight[] = {kWhite, kBeige, kYellow, kSilver, kGrey};
constexpr NamedColour kDeep[] = {kBlack, kDark, kBrown, kBlue};
constexpr NamedColour kGround[] = {kWhite, kGrey, kBlack, kDark, kBeige, kSilver, kBlue, kGreen};
constexpr NamedColour kFood[] = {kBrown, kOrange, kBeige, kGolden, kBrown};
constexpr NamedColour kCloth[] = {kRed, kGreen, kBlue, kGrey, kWhite, kDark, kBeige, kTeal, kPurple, kBrown};
constexpr NamedColour kMineral[] = {kGrey, kBeige, kWhite, kDark, kSilver, kBrown};

std::span<const NamedColour> group(Tones tones) {
  switch (tones) {
    case Tones::metal:
      return kMetal;
    case Tones::wood:
      return kWood;
    case Tones::light:
      return kLight;
    case Tones::dark:
      return kDeep;
    case Tones::ground:
      return kGround;
    case Tones::food:
      return kFood;
    case Tones::cloth:
      return kCloth;
    case Tones::mineral:
      return kMineral;
    case Tones::any:
      break;
  }
  return kAny;
}

float channel(float value) {
  return value < 0.03F ? 0.03F : (value > 0.97F ? 0.97F : value);
}

}  // namespace

Colour varied(Dice& dice, Colour colour, float spread) {
  const float all = dice.bell(spread);
  const float r = dice.bell(spread * 0.5F), g = dice.bell(spread * 0.5F), b = dice.bell(spread * 0.5F);
  return {channel(colour.r + all + r), channel(colour.g + all + g), channel(colour.b + all + b)};
}

NamedColour colour_of(Dice& dice, Tones tones) {
  const std::span<const NamedColour> choices = group(tones);
  const NamedColour chosen = choices[dice.index(choices.size())];
  return {chosen.name, varied(dice, chosen.colour, 0.04F)};
}

NamedColour colour_against(Dice& dice, Tones tones, Colour other) {
  NamedColour chosen = colour_of(dice, tones);
  for (int i = 0; i < 20 && difference(chosen.colour, other) < 0.18F; ++i) chosen = colour_of(dice, tones);
  return chosen;
}

}  // namespace res2clip::demo
