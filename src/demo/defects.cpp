#include <string>

#include "res2clip/core/error.hpp"

#include "defect.hpp"

namespace res2clip::demo {
namespace {

// What counts as a defect: between a speck and a fifth of the picture, and plainly to be seen.
constexpr double kSmallestShare = 0.001, kLargestShare = 0.20;
constexpr float kLeastSharp = 0.06F, kLeastBlurred = 0.035F;
constexpr int kAttempts = 1000;

// How one channel changes, blurred to what meets the eye.
Plane blurred_change(const Picture& before, const Picture& after, float Colour::*channel) {
  Plane plane(before.size);
  for (std::size_t i = 0; i < plane.count(); ++i)
    plane[i] = clamp01(after.pixels[i].*channel) - clamp01(before.pixels[i].*channel);
  return blurred(plane, before.size / 100 + 1);
}

Point place_of(const Picture& picture, Dice& dice) {
  for (;;) {
    const Point at{dice.between(0.1F, 0.9F), dice.between(0.1F, 0.9F)};
    if (!picture.is_object()) return at;
    const auto size = static_cast<float>(picture.size);
    const auto i = static_cast<std::size_t>(at.y * size) * static_cast<std::size_t>(picture.size) +
                   static_cast<std::size_t>(at.x * size);
    if (picture.part[i] > 0.5F) return at;
  }
}

// Takes back what a defect of the object changed behind it.
void keep_to_part(const Picture& clean, Picture& picture, Plane& cover) {
  for (std::size_t i = 0; i < cover.count(); ++i) {
    picture.pixels[i] = mixed(clean.pixels[i], picture.pixels[i], clean.part[i]);
    cover[i] *= clean.part[i];
  }
}

}  // namespace

std::span<const DefectKind> all_defect_kinds() {
  constexpr bool kTrained = false, kHeldOut = true, kPart = true, kAnywhere = false;
  static constexpr DefectKind kKinds[] = {
      {"scratch", kTrained, kPart, &scratch},
      {"crack", kTrained, kPart, &crack},
      {"cut", kTrained, kPart, &cut},
      {"thread", kTrained, kAnywhere, &thread},
      {"hole", kTrained, kPart, &hole},
      {"missing", kTrained, kPart, &missing},
      {"stain", kTrained, kPart, &stain},
      {"discoloration", kTrained, kPart, &discoloration},
      {"contamination", kTrained, kAnywhere, &contamination},
      {"bend", kTrained, kAnywhere, &bend},
      {"misplaced", kTrained, kPart, &misplaced},
      {"dent", kHeldOut, kPart, &dent},
      {"fold", kHeldOut, kPart, &fold},
      {"glue", kHeldOut, kAnywhere, &glue},
  };
  return kKinds;
}

Visibility visibility(const Picture& clean, const Picture& spoiled, const std::vector<unsigned char>& mask) {
  double sharp = 0, soft = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask[i]) {
      sharp += static_cast<double>(difference(clean.pixels[i], spoiled.pixels[i]));
      ++count;
    }
  if (count == 0) return {};
  for (const auto channel : {&Colour::r, &Colour::g, &Colour::b}) {
    const Plane change = blurred_change(clean, spoiled, channel);
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (mask[i]) soft += static_cast<double>(std::fabs(change[i])) / 3;
  }
  const auto pixels = static_cast<double>(count);
  return {static_cast<float>(sharp / pixels), static_cast<float>(soft / pixels)};
}

std::optional<Spoiled> try_spoil(const Picture& clean, const DefectKind& kind, Dice& dice, int attempts) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    Spoiled result{clean, std::vector<unsigned char>(clean.pixels.size())};
    Plane cover(clean.size);
    const Point at = place_of(clean, dice);
    kind.spoil(result.picture, cover, at, dice);
    if (clean.is_object() && kind.on_the_part) keep_to_part(clean, result.picture, cover);
    std::size_t count = 0;
    for (std::size_t i = 0; i < cover.count(); ++i)
      if (cover[i] >= 0.4F) result.mask[i] = 255, ++count;
    const double share = static_cast<double>(count) / static_cast<double>(cover.count());
    if (share < kSmallestShare || share > kLargestShare) continue;
    const Visibility seen = visibility(clean, result.picture, result.mask);
    if (seen.sharp >= kLeastSharp && seen.blurred >= kLeastBlurred) return result;
  }
  return std::nullopt;
}

Spoiled spoiled(const Picture& clean, const DefectKind& kind, Dice& dice) {
  if (std::optional<Spoiled> result = try_spoil(clean, kind, dice, kAttempts)) return std::move(*result);
  throw runtime_error("no visible defect of kind '" + std::string(kind.name) + "' after " +
                      std::to_string(kAttempts) + " attempts; use another seed or leave this kind out");
}

}  // namespace res2clip::demo
