#include "picture.hpp"

#include <utility>

namespace res2clip::demo {
namespace {

// One direction of a box mean; the running sum is kept in double so that it does not drift along a row.
void blur_rows(const Plane& from, Plane& to, int radius) {
  const int size = from.size();
  const double share = 1.0 / (2 * radius + 1);
  std::vector<float> padded(static_cast<std::size_t>(size + 2 * radius + 1));
  for (int y = 0; y < size; ++y) {
    for (std::size_t k = 0; k < padded.size(); ++k) padded[k] = from.at(static_cast<int>(k) - radius, y);
    const float *leaves = padded.data(), *enters = leaves + 2 * radius + 1;
    double sum = 0;
    for (const float* value = leaves; value != enters; ++value) sum += static_cast<double>(*value);
    float* out = to.row(y);
    for (int x = 0; x < size; ++x) {
      out[x] = static_cast<float>(sum * share);
      sum += static_cast<double>(enters[x]) - static_cast<double>(leaves[x]);
    }
  }
}

Plane transposed(const Plane& plane) {
  const int size = plane.size();
  Plane out(size);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) out.row(x)[y] = plane.row(y)[x];
  return out;
}

}  // namespace

Plane light(const Plane& height, float strength) {
  const int size = height.size();
  const float scale = strength * 0.5F * static_cast<float>(size);
  Plane lit(size);
  for (int y = 0; y < size; ++y) {
    float* out = lit.row(y);
    for (int x = 0; x < size; ++x) {
      const float slope =
          height.at(x + 1, y) - height.at(x - 1, y) + height.at(x, y + 1) - height.at(x, y - 1);
      const float shade = 1 + scale * slope;
      out[x] = shade < 0.35F ? 0.35F : (shade > 1.7F ? 1.7F : shade);
    }
  }
  return lit;
}

Plane blurred(const Plane& plane, int radius) {
  Plane once(plane.size());
  blur_rows(plane, once, radius);
  Plane turned = transposed(once);
  blur_rows(turned, once, radius);
  return transposed(once);
}

Picture compose(int size, std::vector<Colour> ground, const std::vector<Colour>& object, Plane part,
                float shadow) {
  Picture picture;
  picture.size = size;
  picture.pixels.resize(ground.size());
  const int offset = size / 64;
  const Plane soft = blurred(part, size / 40 + 1);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const auto i =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(size) + static_cast<std::size_t>(x);
      const Colour behind = ground[i] * (1 - shadow * soft.at(x - offset, y - offset));
      picture.pixels[i] = mixed(behind, object[i], part[i]);
    }
  picture.ground = std::move(ground);
  picture.part = std::move(part);
  return picture;
}

}  // namespace res2clip::demo
