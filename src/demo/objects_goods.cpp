// Goods: biscuits and printed labels.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {

ClassStyle biscuit(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour dough = colour_against(dice, Tones::food, ground.colour);
  const float reach = dice.between(0.31F, 0.4F), ratio = dice.between(0.75F, 1);
  const int waves = dice.chance(0.5F) ? dice.whole(14, 26) : 0;  // a fluted rim
  const int holes = dice.chance(0.5F) ? dice.whole(5, 9) : 0;
  const float crumbs = dice.between(14, 32);
  const bool loose = dice.chance(0.5F);
  return {dough.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, loose);
            const Plane crumb = rough_noise(specimen, size, crumbs, 3, 0.7F),
                        baked = smooth_noise(specimen, size, 4);
            const Plane fine = grain(specimen, size);
            const float oval[] = {specimen.bell(0.012F), specimen.bell(0.01F), specimen.bell(0.008F)};
            const float phase = specimen.direction(), edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.3F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              Point q = place(p);
              q.y /= ratio;
              const float radius = length_of(q), angle = angle_of(q.y, q.x);
              float rim = reach + 0.0015F * crumb[i];
              for (int k = 0; k < 3; ++k) rim += oval[k] * cosine(angle * static_cast<float>(k + 2) + phase);
              if (waves) rim += 0.012F * cosine(angle * static_cast<float>(waves));
              const float inside = rim - radius, t = clamp01(inside / rim);
              float height = 0.08F * std::sqrt(t) + 0.0035F * crumb[i];
              float dark = 0.35F * bump(inside / 0.09F);  // the rim bakes first
              for (int k = 0; k < holes; ++k) {
                const Point hole =
                    k == 0 ? Point{}
                           : towards(2 * kPi * static_cast<float>(k) / static_cast<float>(holes - 1)) *
                                 (reach * 0.5F);
                const float prick = bump(length_of(q - hole) / 0.022F);
                dark += 0.5F * prick;
                height -= 0.012F * prick;
              }
              const float shade = 1.05F - dark + 0.05F * baked[i] + 0.04F * crumb[i] + 0.012F * fine[i];
              return {dough.colour * shade, height, soft_step(inside, edge)};
            });
          }};
}

ClassStyle label(Dice& dice) {
  const NamedColour paper_colour = colour_of(dice, Tones::light);
  const Colour ink =
      colour_against(dice, dice.chance(0.6F) ? Tones::dark : Tones::any, paper_colour.colour).colour;
  const Colour accent = colour_against(dice, Tones::any, paper_colour.colour).colour;
  const std::uint64_t lettering = dice.bits();
  const bool bars = dice.chance(0.6F), frame = dice.chance(0.5F);
  const int lines = dice.whole(5, 9);
  return {paper_colour.name, [=](int size, Dice& specimen) {
            const Plane fibre = rough_noise(specimen, size, 50, 2), clouds = smooth_noise(specimen, size, 3);
            const Plane fine = grain(specimen, size);
            const Point shift{specimen.bell(0.007F), specimen.bell(0.007F)};
            const Turn turn(specimen.bell(0.008F));
            const float edge = edge_of(size);
            const float text_end = bars ? 0.66F : 0.9F, header = 0.2F;
            const float line_height = (text_end - header) / static_cast<float>(lines);
            const auto bit = [&](int at) { return ((lettering >> (wrapped(at * 7 + at / 9, 61))) & 1) != 0; };
            return texture(size, 0, [&](Point p, std::size_t i) -> Sample {
              const Point q = turn(p - Point{0.5F, 0.5F} + shift) + Point{0.5F, 0.5F};
              float inked = 0, coloured = 0;
              const bool in_columns = q.x > 0.1F && q.x < 0.9F;
              if (q.y > 0.07F && q.y < 0.16F && q.x > 0.08F && q.x < 0.92F) coloured = 1;
              if (in_columns && q.y > header && q.y < text_end) {
                // Letters are small patterns of 3 by 4 dots; words end where a bit of the class says so.
                const float row = (q.y - header) / line_height, column = (q.x - 0.1F) / (line_height * 0.42F);
                const int line = static_cast<int>(row), letter = static_cast<int>(column);
                const float x = fraction(column) * 4, y = fraction(row) * 7;
                const bool gap = bit(line * 31 + letter * 3) && bit(line * 17 + letter * 5 + 1);
                const bool dot =
                    bit(line * 41 + letter * 19 + static_cast<int>(x) * 3 + static_cast<int>(y) * 7);
                if (!gap && x < 3 && y < 4.6F && dot) inked = 1;
              }
              if (bars && in_columns && q.y > 0.7F && q.y < 0.92F) {
                const float at = (q.x - 0.1F) * 75;
                const int bar = static_cast<int>(at);
                if (bit(bar * 5 + 2)) inked = 1;
              }
              if (frame) {
                const float x = 0.5F - std::fabs(q.x - 0.5F), y = 0.5F - std::fabs(q.y - 0.5F);
                const float line = std::fabs((x < y ? x : y) - 0.035F);
                const float drawn = soft_step(0.005F - line, edge);
                inked = inked > drawn ? inked : drawn;
              }
              const Colour base = mixed(mixed(paper_colour.colour, accent, coloured), ink, inked * 0.92F);
              return {base * (1 + 0.02F * fibre[i] + 0.02F * clouds[i] + 0.01F * fine[i])};
            });
          }};
}

}  // namespace res2clip::demo
