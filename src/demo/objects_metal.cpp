// Turned and milled metal: nuts, gears, screws, pipes.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {

ClassStyle nut(Dice& dice) {
  static constexpr int kSides[] = {4, 5, 6, 6, 6, 8};
  const Ground ground = Ground::of_class(dice);
  const NamedColour metal = colour_against(dice, Tones::metal, ground.colour);
  const float sides = static_cast<float>(dice.one(kSides)), reach = dice.between(0.34F, 0.43F);
  const float bore = reach * cosine(kPi / sides) * dice.between(0.48F, 0.66F);
  const bool flange = dice.chance(0.3F), loose = dice.chance(0.5F);
  return {
      metal.name, [=](int size, Dice& specimen) {
        const Placing place = Placing::draw(specimen, loose);
        const Plane wear = rough_noise(specimen, size, 12, 3), fine = grain(specimen, size);
        const float edge = edge_of(size), sector = 2 * kPi / sides;
        std::vector<Colour> behind = ground.draw(size, specimen);
        return object(size, 0.5F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
          const Point q = place(p);
          const float radius = length_of(q), angle = angle_of(q.y, q.x);
          const float within = (fraction(angle / sector) - 0.5F) * sector;
          const float apothem = reach * cosine(sector / 2) * (flange ? 0.8F : 1.F);
          const float from_flat = apothem - radius * cosine(within);
          const float from_rim = flange ? reach - radius : from_flat;
          float cover = soft_step(from_rim, edge) * soft_step(radius - bore, edge);
          // The chamfer is a cone that cuts the corners; the bore shows its thread.
          const float chamfer = clamp01((apothem * 1.02F - radius) / 0.04F);
          float height = 0.02F * clamp01(from_flat / 0.012F) * (0.4F + 0.6F * chamfer);
          height += flange ? 0.01F * clamp01(from_rim / 0.03F) : 0.F;
          const float depth = (bore + 0.045F - radius) / 0.045F;
          height -= depth > 0 ? 0.02F * depth : 0.F;
          const float thread = depth > 0 ? 0.12F * sine(depth * 14 + angle) : 0.F;
          const float face = 0.05F * cosine(3 * angle + 0.7F) * chamfer;
          return {metal.colour * (0.9F + face + thread + 0.035F * wear[i] + 0.012F * fine[i]), height, cover};
        });
      }};
}

ClassStyle gear(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour metal = colour_against(dice, Tones::metal, ground.colour);
  const float teeth = static_cast<float>(dice.whole(12, 24)), reach = dice.between(0.37F, 0.43F);
  const float tooth = dice.between(0.035F, 0.06F), bore = dice.between(0.06F, 0.11F);
  const int windows = dice.chance(0.75F) ? dice.whole(3, 6) : 0;
  const float web = dice.between(0.02F, 0.045F);
  const bool loose = dice.chance(0.5F);
  return {metal.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, loose);
            const Plane wear = rough_noise(specimen, size, 14, 3), fine = grain(specimen, size);
            const float edge = edge_of(size), root = reach - tooth;
            const float hub = bore + 0.05F, ring = root - 0.05F, middle = (hub + ring) / 2;
            const float most = (ring - hub) / 2 - 0.005F;
            const float room = windows ? middle * sine(kPi / static_cast<float>(windows)) - web : 0.F;
            const float window = room < most ? room : most;
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.5F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float radius = length_of(q), angle = angle_of(q.y, q.x);
              // Trapezoidal teeth: the flank narrows outwards.
              const float phase = std::fabs(fraction(angle * teeth / (2 * kPi)) - 0.5F);
              const float out = clamp01((radius - root) / tooth);
              const float flank = (0.3F - 0.11F * out - phase) * 2 * kPi * radius / teeth;
              const float top = reach - radius, body = root - radius;
              const float on_tooth = flank < top ? flank : top;
              const float from_edge = body > on_tooth ? body : on_tooth;
              float cover = soft_step(from_edge, edge) * soft_step(radius - bore, edge);
              float height = 0.012F * clamp01(from_edge / 0.015F);
              height -= 0.012F * soft_step(ring - radius, 0.02F) * soft_step(radius - hub, 0.02F);
              for (int k = 0; k < windows; ++k) {
                const Point centre =
                    towards(2 * kPi * static_cast<float>(k) / static_cast<float>(windows)) * middle;
                cover *= soft_step(length_of(q - centre) - window, edge);
              }
              // A keyway in the bore.
              cover *= 1 - soft_step(0.02F - std::fabs(q.y), edge) * soft_step(bore + 0.022F - q.x, edge) *
                               soft_step(q.x, edge);
              const float lathe = 0.03F * sine(radius * 520);
              return {metal.colour * (0.92F + lathe + 0.03F * wear[i] + 0.012F * fine[i]), height, cover};
            });
          }};
}

ClassStyle screw(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour metal = colour_against(dice, Tones::metal, ground.colour);
  const float length = dice.between(0.66F, 0.84F), core = dice.between(0.04F, 0.06F);
  const float pitch = dice.between(0.032F, 0.055F), depth = dice.between(0.014F, 0.022F);
  const float head = dice.between(0.1F, 0.14F), head_length = dice.between(0.08F, 0.13F);
  const float shank = dice.between(0.02F, 0.2F), angle = dice.direction();
  const bool flat_head = dice.chance(0.5F), loose = dice.chance(0.4F);
  return {metal.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, loose);
            const Turn turn(angle);
            const Plane fine = grain(specimen, size), wear = smooth_noise(specimen, size, 20);
            const float edge = edge_of(size), start = -length / 2, tip = length / 2;
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.28F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = turn(place(p));
              const float along = q.x - start, side = std::fabs(q.y);
              // Head, plain shank, then the thread down to the tip.
              const float in_head = clamp01(along / head_length);
              const float head_radius = flat_head ? head - (head - core) * in_head
                                                  : head * std::sqrt(clamp01(1 - square(1 - in_head) * 0.7F));
              const bool threaded = along > head_length + shank;
              const float taper = clamp01((tip - q.x) / 0.09F);
              const float turns = (along - 0.55F * q.y) / pitch;
              const float ridge = threaded ? 1 - 2 * std::fabs(fraction(turns) - 0.5F) : 0.F;
              const float body = (core + depth * ridge) * (threaded ? taper : 1.F);
              const float half = along < head_length ? head_radius : body;
              const float inside_ends = along < tip - q.x ? along : tip - q.x;
              const float from_edge = half - side < inside_ends ? half - side : inside_ends;
              const float t = half > 0 ? clamp01(side / half) : 1.F;
              const float height = std::sqrt(1 - square(t) * 0.95F) * half + (threaded ? depth * ridge : 0.F);
              const float shine = 0.3F * bump((q.y / (half + 0.001F) + 0.35F) / 0.4F);
              const float shade = 0.7F + 0.2F * (1 - t) + shine + 0.15F * ridge - (threaded ? 0.1F : 0.F);
              return {metal.colour * (shade + 0.02F * wear[i] + 0.012F * fine[i]), height,
                      soft_step(from_edge, edge)};
            });
          }};
}

ClassStyle pipe(Dice& dice) {
  static constexpr float kAngles[] = {0.F, kPi / 2, kPi / 4};
  const Ground ground = Ground::of_class(dice);
  const NamedColour metal = colour_against(dice, Tones::any, ground.colour);
  const int count = dice.whole(1, 4);
  const float angle = dice.one(kAngles), spacing = 0.9F / static_cast<float>(count);
  const float radius = spacing * dice.between(0.3F, 0.44F), gloss = dice.between(0.05F, 0.4F);
  const float bands = dice.chance(0.5F) ? dice.between(4, 9) : 0.F;
  const Colour band_colour = colour_of(dice, Tones::any).colour;
  return {metal.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, false);
            const Turn turn(angle);
            const Plane fine = grain(specimen, size), wear = streaks(specimen, size, 0.3F);
            const float edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = turn(place(p));
              const float lane = (q.y + 0.45F) / spacing;
              const float number = std::floor(lane);
              const bool inside = number >= 0 && number < static_cast<float>(count);
              const float side = (lane - number - 0.5F) * spacing;
              const float t = clamp01(std::fabs(side) / radius);
              const float round = std::sqrt(1 - t * t);
              const float shine = gloss * bump((side / radius + 0.4F) / 0.3F);
              const float band =
                  bands > 0 ? soft_step(0.06F - std::fabs(fraction(q.x * bands) - 0.5F), edge * bands) : 0.F;
              const Colour colour = mixed(metal.colour, band_colour, band);
              const float shade = 0.35F + 0.7F * round + 0.015F * wear[i] + 0.012F * fine[i];
              return {colour * shade + Colour{1, 1, 1} * shine, 0,
                      inside ? soft_step(radius - std::fabs(side), edge) : 0.F};
            });
          }};
}

}  // namespace res2clip::demo
