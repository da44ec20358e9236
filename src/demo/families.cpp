#include "family.hpp"

namespace res2clip::demo {

std::span<const Family> all_families() {
  constexpr bool kTexture = false, kObject = true, kTrained = false, kHeldOut = true;
  static const Family kFamilies[] = {
      {"weave", kTexture, kTrained, {"fabric", "weave", "textile", "cloth"}, &weave},
      {"knit", kTexture, kTrained, {"knitted fabric", "knitwear", "sweater"}, &knit},
      {"carpet", kTexture, kTrained, {"carpet", "rug", "felt"}, &carpet},
      {"wood", kTexture, kTrained, {"wood", "wooden board", "plank"}, &wood},
      {"paper", kTexture, kTrained, {"paper", "cardboard", "filter paper"}, &paper},
      {"foam", kTexture, kTrained, {"foam", "sponge", "porous material"}, &foam},
      {"tiles", kTexture, kTrained, {"tile", "ceramic tile", "tiled floor", "brick wall"}, &tiles},
      {"concrete", kTexture, kTrained, {"concrete", "cement", "stone", "plaster"}, &concrete},
      {"granite", kTexture, kTrained, {"granite", "marble", "speckled stone"}, &granite},
      {"honeycomb", kTexture, kTrained, {"honeycomb", "hexagonal panel", "honeycomb panel"}, &honeycomb},
      {"brushed_metal",
       kTexture,
       kTrained,
       {"brushed metal", "metal sheet", "steel", "aluminium"},
       &brushed_metal},
      {"perforated", kTexture, kTrained, {"perforated plate", "perforated sheet", "sieve"}, &perforated},
      {"corrugated",
       kTexture,
       kTrained,
       {"ribbed panel", "corrugated sheet", "striped surface"},
       &corrugated},
      {"painted",
       kTexture,
       kTrained,
       {"painted metal", "plastic panel", "coating", "rubber sheet"},
       &painted},
      {"leather", kTexture, kHeldOut, {"leather", "leather surface"}, &leather},
      {"mesh", kTexture, kHeldOut, {"wire mesh", "grid", "wire grid"}, &mesh},
      {"pill", kObject, kTrained, {"pill", "capsule", "tablet", "medicine"}, &pill},
      {"bottle", kObject, kTrained, {"bottle", "bottle top", "bottle neck", "cup"}, &bottle},
      {"washer", kObject, kTrained, {"washer", "ring", "gasket"}, &washer},
      {"coin", kObject, kTrained, {"coin", "token", "medal"}, &coin},
      {"button", kObject, kTrained, {"button", "plastic button", "wheel"}, &button},
      {"nut", kObject, kTrained, {"nut", "metal nut", "hex nut"}, &nut},
      {"pipe", kObject, kTrained, {"pipe", "tube", "rod", "cylinder"}, &pipe},
      {"connector", kObject, kTrained, {"connector", "socket", "plug", "terminal block"}, &connector},
      {"chip", kObject, kTrained, {"chip", "microchip", "transistor", "integrated circuit"}, &chip},
      {"board", kObject, kTrained, {"pcb", "circuit board", "printed circuit board"}, &board},
      {"biscuit", kObject, kTrained, {"cookie", "biscuit", "food"}, &biscuit},
      {"label", kObject, kTrained, {"label", "package", "printed box", "box"}, &label},
      {"gear", kObject, kHeldOut, {"gear", "cogwheel", "sprocket"}, &gear},
      {"cable", kObject, kHeldOut, {"cable", "cable cross-section", "electric cable"}, &cable},
      {"screw", kObject, kHeldOut, {"screw", "bolt", "fastener"}, &screw},
  };
  return kFamilies;
}

}  // namespace res2clip::demo
