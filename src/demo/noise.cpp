#include "noise.hpp"

#include <array>

namespace res2clip::demo {
namespace {

using Weights = std::array<float, 4>;

Weights spline(float t) {
  const float r = 1 - t;
  return {r * r * r / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * r * r * r - 6 * r * r + 4) / 6,
          t * t * t / 6};
}

// Cubic B-splines average neighbours: this brings a lattice of standard deviation 1 back to about 1.
constexpr float kSplineGain = 2.05F;

std::uint64_t scrambled(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Plane smooth_noise(Dice& dice, int size, float cells_x, float cells_y) {
  const int columns = static_cast<int>(cells_x) + 4, rows = static_cast<int>(cells_y) + 4;
  // Each lattice row, interpolated along x.
  std::vector<float> lattice(static_cast<std::size_t>(columns));
  std::vector<float> wide(static_cast<std::size_t>(rows) * static_cast<std::size_t>(size));
  const float step_x = cells_x / static_cast<float>(size), step_y = cells_y / static_cast<float>(size);
  for (int row = 0; row < rows; ++row) {
    for (float& value : lattice) value = dice.bell(kSplineGain);
    float* out = wide.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(size);
    for (int x = 0; x < size; ++x) {
      const float position = (static_cast<float>(x) + 0.5F) * step_x;
      const float cell = std::floor(position);
      const Weights w = spline(position - cell);
      const float* from = lattice.data() + static_cast<int>(cell);
      out[x] = w[0] * from[0] + w[1] * from[1] + w[2] * from[2] + w[3] * from[3];
    }
  }
  Plane noise(size);
  for (int y = 0; y < size; ++y) {
    const float position = (static_cast<float>(y) + 0.5F) * step_y;
    const float cell = std::floor(position);
    const Weights w = spline(position - cell);
    const float* a = wide.data() + static_cast<std::size_t>(cell) * static_cast<std::size_t>(size);
    const float *b = a + size, *c = b + size, *d = c + size;
    float* out = noise.row(y);
    for (int x = 0; x < size; ++x) out[x] = w[0] * a[x] + w[1] * b[x] + w[2] * c[x] + w[3] * d[x];
  }
  return noise;
}

Plane rough_noise(Dice& dice, int size, float cells, int octaves, float fade) {
  Plane sum(size);
  float strength = 1, power = 0;
  for (int octave = 0; octave < octaves; ++octave) {
    const Plane layer = smooth_noise(dice, size, cells);
    for (std::size_t i = 0; i < sum.count(); ++i) sum[i] += strength * layer[i];
    power += strength * strength;
    strength *= fade;
    cells *= 2;
    if (cells > static_cast<float>(size) / 2) break;  // finer than a pixel
  }
  const float scale = 1 / std::sqrt(power);
  for (std::size_t i = 0; i < sum.count(); ++i) sum[i] *= scale;
  return sum;
}

Plane grain(Dice& dice, int size) {
  Plane plane(size);
  const float scale =
      1.7320508F / 65536;  // the sum of four 16-bit numbers has a standard deviation of 65536 / sqrt 3
  for (std::size_t i = 0; i < plane.count(); ++i) {
    const std::uint64_t bits = dice.bits();
    const auto sum = static_cast<std::int64_t>((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                               ((bits >> 32) & 0xffff) + (bits >> 48)) -
                     2 * 65535;
    plane[i] = static_cast<float>(sum) * scale;
  }
  return plane;
}

Plane streaks(Dice& dice, int size, float length) {
  const float cells_x = 1 / length;
  return smooth_noise(dice, size, cells_x < 1 ? 1 : cells_x, static_cast<float>(size) * 0.7F);
}

Cells cells(Dice& dice, int size, float across, float jitter) {
  const std::uint64_t salt = dice.bits();
  const int squares = static_cast<int>(across) + 4;  // from -1 to across + 2
  struct Centre {
    float x, y, identity;
  };
  std::vector<Centre> centres;
  centres.reserve(static_cast<std::size_t>(squares) * static_cast<std::size_t>(squares));
  for (int y = 0; y < squares; ++y)
    for (int x = 0; x < squares; ++x) {
      const std::uint64_t bits =
          scrambled(salt + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(y * squares + x + 1));
      const auto unit = [&](int shift) { return static_cast<float>((bits >> shift) & 0xfffff) / 1048576.F; };
      centres.push_back({static_cast<float>(x - 1) + 0.5F + jitter * (unit(0) - 0.5F),
                         static_cast<float>(y - 1) + 0.5F + jitter * (unit(20) - 0.5F), unit(40)});
    }
  Cells out{Plane(size), Plane(size), Plane(size)};
  for_each_pixel(size, [&](Point p, std::size_t i) {
    const Point q = p * across;
    const int cx = static_cast<int>(q.x) + 1, cy = static_cast<int>(q.y) + 1;
    float first = 1e9F, second = 1e9F, identity = 0;
    for (int y = cy - 1; y <= cy + 1; ++y)
      for (int x = cx - 1; x <= cx + 1; ++x) {
        const Centre& centre = centres[static_cast<std::size_t>(y * squares + x)];
        const float distance = square(centre.x - q.x) + square(centre.y - q.y);
        if (distance < first) {
          second = first;
          first = distance;
          identity = centre.identity;
        } else if (distance < second) {
          second = distance;
        }
      }
    const float nearest = std::sqrt(first);
    out.nearest[i] = nearest;
    out.border[i] = std::sqrt(second) - nearest;
    out.identity[i] = identity;
  });
  return out;
}

}  // namespace res2clip::demo
