#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dice.hpp"
#include "palette.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// Makes one specimen of a class, as the camera sees it: small differences of place, light and material.
using Drawing = std::function<Picture(int size, Dice& specimen)>;

/// One class of a family: what its specimens have in common, drawn once.
struct ClassStyle {
  std::string_view colour;
  Drawing draw;
};

struct Family {
  std::string_view name;
  bool is_object;
  bool held_out;                        ///< never used in training the demo backbone
  std::vector<std::string_view> words;  ///< what people call it
  ClassStyle (*style)(Dice& dice);
};

/// All families, textures first.
std::span<const Family> all_families();

// textures_woven.cpp
ClassStyle weave(Dice& dice);
ClassStyle knit(Dice& dice);
ClassStyle carpet(Dice& dice);
ClassStyle mesh(Dice& dice);
// textures_mineral.cpp
ClassStyle tiles(Dice& dice);
ClassStyle concrete(Dice& dice);
ClassStyle granite(Dice& dice);
ClassStyle honeycomb(Dice& dice);
// textures_sheet.cpp
ClassStyle brushed_metal(Dice& dice);
ClassStyle perforated(Dice& dice);
ClassStyle corrugated(Dice& dice);
ClassStyle painted(Dice& dice);
// textures_grown.cpp
ClassStyle wood(Dice& dice);
ClassStyle paper(Dice& dice);
ClassStyle foam(Dice& dice);
ClassStyle leather(Dice& dice);
// objects_round.cpp
ClassStyle pill(Dice& dice);
ClassStyle bottle(Dice& dice);
ClassStyle washer(Dice& dice);
ClassStyle coin(Dice& dice);
ClassStyle button(Dice& dice);
// objects_metal.cpp
ClassStyle nut(Dice& dice);
ClassStyle gear(Dice& dice);
ClassStyle screw(Dice& dice);
ClassStyle pipe(Dice& dice);
// objects_electric.cpp
ClassStyle connector(Dice& dice);
ClassStyle chip(Dice& dice);
ClassStyle board(Dice& dice);
ClassStyle cable(Dice& dice);
// objects_goods.cpp
ClassStyle biscuit(Dice& dice);
ClassStyle label(Dice& dice);

}  // namespace res2clip::demo
