// Round things: pills, bottle mouths, washers, coins, buttons.
#include "family.hpp"
#include "ground.hpp"
#include "noise.hpp"

namespace res2clip::demo {

ClassStyle pill(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour coat = colour_against(dice, Tones::any, ground.colour);
  const Colour second =
      dice.chance(0.5F) ? colour_against(dice, Tones::any, ground.colour).colour : coat.colour;
  const float reach = dice.between(0.28F, 0.4F), ratio = dice.between(0.42F, 1);
  const bool scored = dice.chance(0.4F), loose = dice.chance(0.35F);
  const float speckles = dice.chance(0.4F) ? dice.between(0.05F, 0.2F) : 0.F;
  return {coat.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, loose);
            const Plane powder = smooth_noise(specimen, size, 70), fine = grain(specimen, size);
            const float radius = reach * ratio, straight = reach - radius, edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.12F, std::move(behind), 0.45F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float beyond = std::fabs(q.x) - straight;
              const float from_axis = length_of(beyond > 0 ? beyond : 0.F, q.y);
              const float cover = soft_step(radius - from_axis, edge);
              const float t = clamp01(from_axis / radius);
              float height = std::sqrt(1 - square(t) * 0.96F) * radius;
              Colour colour = mixed(second, coat.colour, soft_step(q.x, edge));
              if (scored) {
                const float groove = bump(q.x / 0.018F) * soft_step(radius - 0.04F - from_axis, 0.03F);
                height -= 0.02F * groove;
                colour = colour * (1 - 0.25F * groove);
              }
              const float speck = powder[i] > 1.3F ? speckles : 0.F;
              return {colour * (0.98F - 0.18F * t * t - speck + 0.012F * fine[i]), height, cover};
            });
          }};
}

ClassStyle bottle(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour glass = colour_against(dice, Tones::any, ground.colour);
  const Colour inner = colour_against(dice, Tones::any, glass.colour).colour;
  const float outside = dice.between(0.37F, 0.45F);
  const float lip = outside * dice.between(0.72F, 0.9F), neck = lip * dice.between(0.6F, 0.85F);
  const float mouth = neck * dice.between(0.35F, 0.8F), dark = dice.between(0.15F, 0.5F);
  const float thread = dice.chance(0.5F) ? dice.between(0.1F, 0.25F) : 0.F;
  return {glass.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, false);
            const Plane fine = grain(specimen, size), cloud = smooth_noise(specimen, size, 3);
            const float lamp = 4.0F + specimen.bell(0.05F), edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.25F, std::move(behind), 0.35F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float radius = length_of(q), angle = angle_of(q.y, q.x);
              const float cover = soft_step(outside - radius, edge);
              Colour colour = glass.colour * (0.8F + thread * sine(radius * 160));
              colour = mixed(colour, glass.colour * 1.12F, soft_step(lip - radius, edge));
              colour = mixed(colour, inner * 0.8F, soft_step(neck - radius, edge));
              colour = mixed(colour, inner * dark, soft_step(mouth - radius, edge * 2));
              // Two reflections on the rim, opposite each other.
              const float rim = bump((radius - (lip + neck) * 0.5F) / ((lip - neck) * 0.5F + 0.01F));
              const float facing = cosine(angle - lamp);
              const float shine = rim * (0.35F * bump((1 - facing) * 2.2F) + 0.18F * bump((1 + facing) * 4));
              const float height =
                  0.03F * rim + 0.02F * bump((radius - (outside + lip) * 0.5F) / ((outside - lip) * 0.6F));
              return {colour * (1 + 0.02F * cloud[i] + 0.012F * fine[i]) + Colour{1, 1, 1} * shine, height,
                      cover};
            });
          }};
}

ClassStyle washer(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour material =
      colour_against(dice, dice.chance(0.6F) ? Tones::metal : Tones::any, ground.colour);
  const float outside = dice.between(0.3F, 0.43F), inside = outside * dice.between(0.35F, 0.78F);
  const bool round = dice.chance(0.4F);  // a sealing ring rather than a flat washer
  const int teeth = dice.chance(0.3F) ? dice.whole(10, 20) : 0;
  return {material.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, true);
            const Plane turned = smooth_noise(specimen, size, 90), fine = grain(specimen, size);
            const float edge = edge_of(size), width = outside - inside;
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.4F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float radius = length_of(q), angle = angle_of(q.y, q.x);
              const float bite = teeth ? 0.012F * sine(angle * static_cast<float>(teeth)) : 0.F;
              const float from_edge =
                  outside + bite - radius < radius - inside ? outside + bite - radius : radius - inside;
              const float t = clamp01(from_edge / (round ? width * 0.5F : 0.02F));
              const float height = (round ? width * 0.3F : 0.01F) * std::sqrt(t * (2 - t));
              const float sheen = round ? 0.F : 0.09F * cosine(2 * angle + 1) + 0.05F * sine(radius * 420);
              const float shade = 0.92F + sheen + 0.025F * turned[i] + 0.012F * fine[i];
              return {material.colour * shade, height, soft_step(from_edge, edge)};
            });
          }};
}

ClassStyle coin(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour metal = colour_against(dice, Tones::metal, ground.colour);
  const float reach = dice.between(0.34F, 0.44F), rim = dice.between(0.04F, 0.08F);
  const int petals = dice.whole(3, 8), dots = dice.whole(12, 36), rays = dice.whole(8, 24);
  const float emblem = dice.between(0.4F, 0.62F), lobes = dice.between(0.12F, 0.35F);
  const bool loose = dice.chance(0.4F);
  return {metal.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, loose);
            const Plane wear = rough_noise(specimen, size, 10, 3), fine = grain(specimen, size);
            const float edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.65F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float radius = length_of(q), angle = angle_of(q.y, q.x), t = radius / reach;
              float height = 0.02F * soft_step(t - 1 + rim * 2, 0.03F);
              // The emblem: a flower within a flower, rays around it, a ring of dots at the rim.
              const float flower = emblem * (1 + lobes * cosine(angle * static_cast<float>(petals)));
              height += 0.018F * soft_step(flower - t, 0.05F);
              height -= 0.014F * soft_step(flower * 0.62F - t, 0.05F);
              height += 0.014F * soft_step(flower * 0.3F - t, 0.05F);
              const float ray = cosine(angle * static_cast<float>(rays));
              height += 0.008F * soft_step(ray - 0.5F, 0.5F) * bump((t - 0.72F) / 0.09F);
              const float step = 2 * kPi / static_cast<float>(dots);
              const float along = (fraction(angle / step) - 0.5F) * step * 0.86F, across = t - 0.86F;
              height += 0.012F * clamp01(1 - (square(along) + square(across)) / square(0.032F));
              const float shade = 0.92F + 0.03F * wear[i] + 0.012F * fine[i];
              return {metal.colour * shade, height, soft_step(reach - radius, edge)};
            });
          }};
}

ClassStyle button(Dice& dice) {
  const Ground ground = Ground::of_class(dice);
  const NamedColour plastic = colour_against(dice, Tones::any, ground.colour);
  const float reach = dice.between(0.32F, 0.42F), hole = dice.between(0.035F, 0.055F);
  const int holes = dice.whole(2, 4);
  const float circle = reach * dice.between(0.28F, 0.4F), rim = dice.between(0.12F, 0.3F);
  const float marble = dice.between(0.0F, 0.12F);
  return {plastic.name, [=](int size, Dice& specimen) {
            const Placing place = Placing::draw(specimen, true);
            const Plane swirl = rough_noise(specimen, size, 5, 3), fine = grain(specimen, size);
            const float edge = edge_of(size);
            std::vector<Colour> behind = ground.draw(size, specimen);
            return object(size, 0.4F, std::move(behind), 0.5F, [&](Point p, std::size_t i) -> Sample {
              const Point q = place(p);
              const float radius = length_of(q), t = radius / reach;
              float cover = soft_step(reach - radius, edge);
              float height = 0.03F * bump((t - 1 + rim * 0.5F) / rim) - 0.01F * bump(t / 0.8F);
              for (int k = 0; k < holes; ++k) {
                const Point centre =
                    towards(2 * kPi * static_cast<float>(k) / static_cast<float>(holes) + 0.4F) * circle;
                const float distance = length_of(q - centre) - hole;
                cover *= soft_step(distance, edge);
                height -= 0.008F * clamp01(1 - distance / 0.015F);
              }
              return {plastic.colour * (0.95F + marble * swirl[i] * 0.5F + 0.012F * fine[i]), height, cover};
            });
          }};
}

}  // namespace res2clip::demo
