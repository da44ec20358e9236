// Electric parts: connectors, chips, circuit boards, cables in section.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {
namespace {

float box(Point p, float half_width, float half_height) {
  const float x = half_width - std::fabs(p.x), y = half_height - std::fabs(p.y);
  return x < y ? x : y;
}

float distance_to_segment(Point p, Point a, Point b) {
  const Point along = b - a, to = p - a;
  const float squared = along.x * along.x + along.y * along.y;
  const float t = squared > 0 ? clamp01((to.x * along.x + to.y * along.y) / squared) : 0.F;
  return length_of(to - along * t);
}

/// Lays a colour over the pixels near a shape; `distance` is positive inside. The box keeps it quick.
template <class Distance>
void lay(Picture& picture, Point low, Point high, Colour colour, Distance distance) {
  const auto pixel = [&](float unit) {
    const int at = static_cast<int>(unit * static_cast<float>(picture.size));
    return at < 0 ? 0 : (at > picture.size ? picture.size : at);
  };
  const float edge = edge_of(picture.size), step = 1.F / static_cast<float>(picture.size);
  for (int y = pixel(low.y - 0.01F); y < pixel(high.y + 0.02F); ++y)
    for (int x = pixel(low.x - 0.01F); x < pixel(high.x + 0.02F); ++x) {
      const Point p{(static_cast<float>(x) + 0.5F) * step, (static_cast<float>(y) + 0.5F) * step};
      const auto i =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.size) + static_cast<std::size_t>(x);
      picture.pixels[i] = mixed(picture.pixels[i], colour, soft_step(distance(p), edge));
    }
}

void lay_disc(Picture& picture, Point centre, float radius, Colour colour) {
  lay(picture, {centre.x - radius, centre.y - radius}, {centre.x + radius, centre.y + radius}, colour,
      [&](Point p) { return radius - length_of(p - centre); });
}

void lay_box(Picture& picture, Point low, Point high, Colour colour) {
  const Point centre{(low.x + high.x) / 2, (low.y + high.y) / 2};
  const float half_width = (high.x - low.x) / 2, half_height = (high.y - low.y) / 2;
  lay(picture, low, high, colour, [&](Point p) { return box(p - centre, half_width, half_height); });
}

void lay_line(Picture& picture, Point a, Point b, float width, Colour colour) {
  const Point low{(a.x < b.x ? a.x : b.x) - width, (a.y < b.y ? a.y : b.y) - width};
  const Point high{(a.x > b.x ? a.x : b.x) + width, (a.y > b.y ? a.y : b.y) + width};
  lay(picture, low, high, colour, [&](Point p) { return width / 2 - distance_to_segment(p, a, b); });
}

/// The layout of a circuit board is one and the same for all its specimens.
void lay_tracks(Picture& picture, Dice& layout, Point shift, Colour track, Colour pad) {
  static constexpr Point kWays[] = {{1, 0}, {0, 1}, {0.7F, 0.7F}, {0.7F, -0.7F}};
  const int tracks = layout.whole(10, 18);
  for (int t = 0; t < tracks; ++t) {
    const float x = layout.between(0.03F, 0.97F), y = layout.between(0.03F, 0.97F);
    const float width = layout.between(0.01F, 0.02F);
    Point at = shift + Point{x, y};
    const Point first = at;
    for (int leg = 0; leg < 3; ++leg) {
      const float sign = layout.sign(), stretch = sign * layout.between(0.08F, 0.35F);
      const Point next = at + layout.one(kWays) * stretch;
      lay_line(picture, at, next, width, track);
      at = next;
    }
    for (const Point end : {first, at}) {
      lay_disc(picture, end, 0.022F, pad);
      lay_disc(picture, end, 0.009F, {0.07F, 0.07F, 0.07F});
    }
  }
}

void lay_parts(Picture& picture, Dice& layout, Point shift, Colour pad) {
  const int parts = layout.whole(4, 8);
  for (int k = 0; k < parts; ++k) {
    const float x = layout.between(0.06F, 0.78F), y = layout.between(0.06F, 0.78F);
    const float width = layout.between(0.06F, 0.24F), height = layout.between(0.05F, 0.16F);
    const Colour body = colour_of(layout, layout.chance(0.6F) ? Tones::dark : Tones::light).colour;
    const bool legs = layout.chance(0.6F);
    const Point low = shift + Point{x, y}, high = low + Point{width, height};
    for (float at = 0.012F; legs && at < width - 0.016F; at += 0.035F) {
      lay_box(picture, {low.x + at, low.y - 0.022F}, {low.x + at + 0.015F, low.y}, pad);
      lay_box(picture, {low.x + at, high.y}, {low.x + at + 0.015F, high.y + 0.022F}, pad);
    }
    lay_box(picture, low + Point{0.006F, 0.008F}, high + Point{0.006F, 0.008F}, body * 0.3F);  // its shadow
    lay_box(picture, low, high, body * 1.15F);
    lay_box(picture, low + Point{0.007F, 0.007F}, high, body);
    if (legs) lay_disc(picture, low + Point{0.022F, 0.022F}, 0.008F, body * 0.4F + Colour{0.3F, 0.3F, 0.3F});
  }
}

}  // namespace

ClassStyle connector(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour plastic = colour_against(dice, Tones::any, ground.colour);
  const Colour contact = colour_against(dice, Tones::metal, plastic.colour).colour;
  const int columns = dice.whole(3, 8), rows = dice.whole(1, 3);
  const bool square_holes = dice.chance(0.6F), nose = dice.chance(0.6F);
  const float half_width = 0.4F, half_height = 0.075F + 0.07F * static_cast<float>(rows);
  return {plastic.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, false);
            const Plane fine = grain(specimen, size), cloud = smooth_noise(specimen, size, 4);
            const float edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            const float cell_x = 2 * half_width * 0.9F / static_cast<float>(columns);
            const float cell_y = 2 * half_height * 0.8F / static_cast<float>(rows);
            const float small = cell_x < cell_y ? cell_x : cell_y;
            return object(size, 0.4F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              float from_edge = box(q, half_width, half_height);
              if (nose) {
                const float tab = box(q + Point{0, half_height + 0.02F}, 0.12F, 0.045F);
                from_edge = from_edge > tab ? from_edge : tab;
              }
              float height = 0.015F * clamp01(from_edge / 0.018F);
              Colour colour = plastic.colour * (0.95F + 0.02F * cloud[i]);
              const float x = (q.x + half_width * 0.9F) / cell_x, y = (q.y + half_height * 0.8F) / cell_y;
              if (x > 0 && y > 0 && x < static_cast<float>(columns) && y < static_cast<float>(rows)) {
                const Point in_cell{(fraction(x) - 0.5F) * cell_x, (fraction(y) - 0.5F) * cell_y};
                const float half = small * 0.34F;
                const float cavity = square_holes ? box(in_cell, half, half) : half - length_of(in_cell);
                height -= 0.014F * clamp01(cavity / 0.01F + 0.5F);
                colour = mixed(colour, plastic.colour * 0.3F, soft_step(cavity, edge));
                const float pin =
                    square_holes ? box(in_cell, half * 0.5F, half * 0.5F) : half * 0.5F - length_of(in_cell);
                colour = mixed(colour, contact * (1.05F - 0.3F * fraction(y)), soft_step(pin, edge));
              }
              return {colour * (1 + 0.012F * fine[i]), height, soft_step(from_edge, edge)};
            });
          }};
}

ClassStyle chip(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour body = colour_against(dice, dice.chance(0.7F) ? Tones::dark : Tones::any, ground.colour);
  const Colour metal = colour_against(dice, Tones::metal, ground.colour).colour;
  const float half_width = dice.between(0.22F, 0.31F), half_height = dice.between(0.17F, 0.31F);
  const int legs = dice.whole(4, 9);
  const bool four_sided = dice.chance(0.45F), print = dice.chance(0.7F);
  const std::uint64_t lettering = dice.bits();
  return {body.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, false);
            const Plane fine = grain(specimen, size), mould = smooth_noise(specimen, size, 60);
            const float edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            // How far the point lies inside the row of legs on the side `out` beyond the body.
            const auto leg = [&](float along, float half_along, float out) {
              const float step = 2 * half_along * 0.94F / static_cast<float>(legs);
              const float at = (along + half_along * 0.94F) / step;
              if (at <= 0 || at >= static_cast<float>(legs)) return -1.F;
              const float across = (0.27F - std::fabs(fraction(at) - 0.5F)) * step;
              return across < 0.085F - out ? across : 0.085F - out;
            };
            return object(size, 0.35F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float inside = box(q, half_width, half_height);
              float legs_inside = leg(q.x, half_width, std::fabs(q.y) - half_height);
              if (four_sided) {
                const float others = leg(q.y, half_height, std::fabs(q.x) - half_width);
                legs_inside = legs_inside > others ? legs_inside : others;
              }
              const float on_body = soft_step(inside, edge), on_legs = soft_step(legs_inside, edge);
              Colour colour = body.colour * (1 + 0.035F * mould[i]);
              const float dot = 0.022F - length_of(q + Point{half_width * 0.72F, half_height * 0.72F});
              colour = colour * (1 - 0.45F * soft_step(dot, edge));
              if (print) {  // two lines of marks, the same on every specimen
                const float x = (q.x + half_width * 0.5F) / (half_width * 0.125F), y = (q.y + 0.055F) / 0.06F;
                const int column = static_cast<int>(std::floor(x)), line = static_cast<int>(std::floor(y));
                if (column >= 0 && column < 9 && line >= 0 && line < 2) {
                  const float cx = fraction(x) * 3, cy = fraction(y) * 5;
                  const int bit =
                      (column * 13 + line * 29 + static_cast<int>(cx) * 5 + static_cast<int>(cy) * 11) % 61;
                  if (cx < 2.4F && cy < 4 && ((lettering >> bit) & 1) != 0)
                    colour = mixed(colour, {0.75F, 0.75F, 0.74F}, 0.6F);
                }
              }
              const float bend = clamp01(legs_inside / 0.01F);
              const float height = on_body * 0.012F * clamp01(inside / 0.02F) + (1 - on_body) * 0.006F * bend;
              const float cover = on_body > on_legs ? on_body : on_legs;
              return {mixed(metal, colour, on_body) * (1 + 0.012F * fine[i]), height, cover};
            });
          }};
}

ClassStyle board(Dice& dice) {
  static constexpr NamedColour kLacquer[] = {{"green", {0.09F, 0.38F, 0.20F}},
                                             {"blue", {0.10F, 0.22F, 0.50F}},
                                             {"red", {0.55F, 0.10F, 0.10F}},
                                             {"black", {0.12F, 0.13F, 0.13F}},
                                             {"green", {0.14F, 0.45F, 0.25F}}};
  const NamedColour lacquer = dice.one(kLacquer);
  const Colour track = lacquer.colour * 1.45F + Colour{0.05F, 0.05F, 0.05F};
  const Colour pad = colour_of(dice, Tones::metal).colour;
  const std::uint64_t layout_seed = dice.bits();
  return {lacquer.name, [=](int size, Dice& specimen) {
            const Plane clouds = smooth_noise(specimen, size, 3), fine = grain(specimen, size);
            const Point shift{specimen.bell(0.006F), specimen.bell(0.006F)};
            Picture picture =
                texture(size, 0, [&](Point, std::size_t) -> Sample { return {lacquer.colour}; });
            Dice layout(layout_seed, "layout");
            lay_tracks(picture, layout, shift, track, pad);
            lay_parts(picture, layout, shift, pad);
            for (std::size_t i = 0; i < clouds.count(); ++i)
              picture.pixels[i] = picture.pixels[i] * (1 + 0.03F * clouds[i] + 0.02F * fine[i]);
            return picture;
          }};
}

ClassStyle cable(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour sheath = colour_against(dice, Tones::any, ground.colour);
  const int wires = dice.whole(3, 5);
  Colour sleeves[5];
  for (Colour& sleeve : sleeves) sleeve = colour_of(dice, Tones::any).colour;
  const Colour a = sleeves[0], b = sleeves[1], c = sleeves[2], d = sleeves[3], e = sleeves[4];
  const Colour copper = colour_of(dice, Tones::metal).colour;
  const float outside = dice.between(0.39F, 0.44F), strands = dice.between(34, 50);
  return {sheath.name, [=](int size, Dice& specimen) {
            const Colour colours[] = {a, b, c, d, e};
            const Placing place = Placing::draw(specimen, false);
            const Plane fine = grain(specimen, size);
            const Cells strand = cells(specimen, size, strands, 0.7F);
            const float edge = edge_of(size), room = outside * 0.86F;
            const float slot = sine(kPi / static_cast<float>(wires));
            const float wire = room * slot / (1 + slot) * 0.95F, circle = room - wire;
            Point centres[5];
            for (int k = 0; k < wires; ++k) {
              const float angle =
                  2 * kPi * static_cast<float>(k) / static_cast<float>(wires) + specimen.bell(0.02F);
              centres[k] = towards(angle) * (circle * 0.99F);
            }
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.35F, std::move(behind), 0.4F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float radius = length_of(q);
              Colour colour = mixed(sheath.colour, sheath.colour * 0.3F, soft_step(room - radius, edge));
              float height = 0.015F * bump((radius - (outside + room) / 2) / (outside - room));
              for (int k = 0; k < wires; ++k) {
                const float inside = wire - length_of(q - centres[k]);
                if (inside < -0.02F) continue;
                colour = mixed(colour, colours[k], soft_step(inside, edge));
                const float core = inside - wire * 0.36F;
                const float dome = clamp01(1 - square(strand.nearest[i] * 1.5F));
                colour = mixed(colour, copper * (0.5F + 0.55F * dome), soft_step(core, edge));
                height = core > 0 ? dome * 0.006F : 0.01F * clamp01(inside / 0.02F);
              }
              return {colour * (1 + 0.012F * fine[i]), height, soft_step(outside - radius, edge)};
            });
          }};
}

}  // namespace res2clip::demo
