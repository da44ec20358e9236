#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dice.hpp"
#include "picture.hpp"

namespace res2clip::demo {

/// Draws one defect at a place and notes in `cover` which share of each pixel it changed.
using Spoil = void (*)(Picture& picture, Plane& cover, Point at, Dice& dice);

struct DefectKind {
  std::string_view name;
  bool held_out;     ///< never used in training the demo backbone
  bool on_the_part;  ///< on objects: changes the object alone, not what lies behind
  Spoil spoil;
};

std::span<const DefectKind> all_defect_kinds();

// defects_lines.cpp
void scratch(Picture& picture, Plane& cover, Point at, Dice& dice);
void crack(Picture& picture, Plane& cover, Point at, Dice& dice);
void cut(Picture& picture, Plane& cover, Point at, Dice& dice);
void thread(Picture& picture, Plane& cover, Point at, Dice& dice);
// defects_areas.cpp
void hole(Picture& picture, Plane& cover, Point at, Dice& dice);
void missing(Picture& picture, Plane& cover, Point at, Dice& dice);
void stain(Picture& picture, Plane& cover, Point at, Dice& dice);
void discoloration(Picture& picture, Plane& cover, Point at, Dice& dice);
void contamination(Picture& picture, Plane& cover, Point at, Dice& dice);
void glue(Picture& picture, Plane& cover, Point at, Dice& dice);
// defects_shape.cpp
void bend(Picture& picture, Plane& cover, Point at, Dice& dice);
void misplaced(Picture& picture, Plane& cover, Point at, Dice& dice);
void dent(Picture& picture, Plane& cover, Point at, Dice& dice);
void fold(Picture& picture, Plane& cover, Point at, Dice& dice);

/// A picture with a defect, and where it is.
struct Spoiled {
  Picture picture;
  std::vector<unsigned char> mask;  ///< row after row, 255 on the defect, 0 elsewhere
};

/// Draws a defect, again and again until it covers 0.1 to 20 % of the picture and visibly changes it there;
/// nothing if it does not in so many attempts.
std::optional<Spoiled> try_spoil(const Picture& clean, const DefectKind& kind, Dice& dice, int attempts);

/// The same with attempts enough for every kind that a trial has found to show on the class.
Spoiled spoiled(const Picture& clean, const DefectKind& kind, Dice& dice);

/// How visible a change is, over the mask's pixels: the mean difference of the colours, once as they are and
/// once of pictures blurred to what meets the eye, in which a texture moved onto itself hardly differs.
struct Visibility {
  float sharp = 0, blurred = 0;
};
Visibility visibility(const Picture& clean, const Picture& spoiled, const std::vector<unsigned char>& mask);

}  // namespace res2clip::demo
