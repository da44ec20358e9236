#pragma once

#include <cstddef>
#include <vector>

#include "numbers.hpp"

namespace res2clip::demo {

/// Positions are in units of the picture's side: (0, 0) is its upper left corner, (1, 1) the lower right one.
struct Point {
  float x = 0, y = 0;
};

inline Point operator+(Point a, Point b) {
  return {a.x + b.x, a.y + b.y};
}
inline Point operator-(Point a, Point b) {
  return {a.x - b.x, a.y - b.y};
}
inline Point operator*(Point a, float k) {
  return {a.x * k, a.y * k};
}
inline float length_of(Point a) {
  return length_of(a.x, a.y);
}
inline Point towards(float angle) {
  return {cosine(angle), sine(angle)};
}

/// A turn about the origin, its sine and cosine taken once.
struct Turn {
  explicit Turn(float angle) : c(cosine(angle)), s(sine(angle)) {}
  Point operator()(Point p) const { return {p.x * c + p.y * s, p.y * c - p.x * s}; }
  float c, s;
};

/// Red, green and blue in [0, 1]; only the finished picture is held to that range.
struct Colour {
  float r = 0, g = 0, b = 0;
};

inline Colour operator*(Colour a, float k) {
  return {a.r * k, a.g * k, a.b * k};
}
inline Colour operator+(Colour a, Colour b) {
  return {a.r + b.r, a.g + b.g, a.b + b.b};
}
inline Colour operator-(Colour a, Colour b) {
  return {a.r - b.r, a.g - b.g, a.b - b.b};
}
inline Colour mixed(Colour a, Colour b, float share_of_b) {
  return a + (b - a) * share_of_b;
}
inline float brightness(Colour a) {
  return (a.r + a.g + a.b) * (1.F / 3);
}
inline float difference(Colour a, Colour b) {
  return (std::fabs(a.r - b.r) + std::fabs(a.g - b.g) + std::fabs(a.b - b.b)) * (1.F / 3);
}

/// One number per pixel, row after row.
class Plane {
 public:
  Plane() = default;
  explicit Plane(int size, float value = 0)
      : size_(size), values_(static_cast<std::size_t>(size) * static_cast<std::size_t>(size), value) {}

  bool empty() const { return values_.empty(); }
  int size() const { return size_; }
  std::size_t count() const { return values_.size(); }
  float& operator[](std::size_t i) { return values_[i]; }
  float operator[](std::size_t i) const { return values_[i]; }
  float* row(int y) { return values_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(size_); }
  const float* row(int y) const {
    return values_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(size_);
  }
  /// The value at a pixel, the border's continued outside.
  float at(int x, int y) const {
    const int last = size_ - 1;
    return row(y < 0 ? 0 : (y > last ? last : y))[x < 0 ? 0 : (x > last ? last : x)];
  }

 private:
  int size_ = 0;
  std::vector<float> values_;
};

/// A picture being made. Objects keep what lies behind them, so that a missing part shows it.
struct Picture {
  int size = 0;
  std::vector<Colour> pixels;  ///< row after row
  std::vector<Colour> ground;  ///< objects only: the picture without the object
  Plane part;                  ///< objects only: the share of each pixel that the object covers

  bool is_object() const { return !part.empty(); }
};

/// Calls act(point, index) for each pixel, with the pixel's centre.
template <class Act>
void for_each_pixel(int size, Act act) {
  const float step = 1.F / static_cast<float>(size);
  std::size_t index = 0;
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x, ++index)
      act(Point{(static_cast<float>(x) + 0.5F) * step, (static_cast<float>(y) + 0.5F) * step}, index);
}

/// What a surface is at one point.
struct Sample {
  Colour colour;
  float height = 0;  ///< in units of the picture's side; slopes are lit from the upper left
  float cover = 1;   ///< objects: the share that the object covers
};

/// How bright each pixel of a relief is, about 1: `strength` times the slope towards the upper left is added.
Plane light(const Plane& height, float strength);

/// The mean over a square of 2·radius + 1 pixels, the border's values continued outside.
Plane blurred(const Plane& plane, int radius);

/// A texture: every pixel is surface(point, index), lit.
template <class Surface>
Picture texture(int size, float strength, Surface surface) {
  Picture picture;
  picture.size = size;
  picture.pixels.resize(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  Plane height(size);
  for_each_pixel(size, [&](Point p, std::size_t i) {
    const Sample sample = surface(p, i);
    picture.pixels[i] = sample.colour;
    height[i] = sample.height;
  });
  if (strength > 0) {
    const Plane lit = light(height, strength);
    for (std::size_t i = 0; i < lit.count(); ++i) picture.pixels[i] = picture.pixels[i] * lit[i];
  }
  return picture;
}

/// Puts an object with its shadow on a ground.
Picture compose(int size, std::vector<Colour> ground, const std::vector<Colour>& object, Plane part,
                float shadow);

/// An object: surface(point, index) is asked where it may be, lit and put on the ground.
template <class Surface>
Picture object(int size, float strength, std::vector<Colour> ground, float shadow, Surface surface) {
  std::vector<Colour> colours(ground.size());
  Plane height(size), part(size);
  for_each_pixel(size, [&](Point p, std::size_t i) {
    const Sample sample = surface(p, i);
    colours[i] = sample.colour;
    height[i] = sample.height;
    part[i] = clamp01(sample.cover);
  });
  if (strength > 0) {
    const Plane lit = light(height, strength);
    for (std::size_t i = 0; i < lit.count(); ++i) colours[i] = colours[i] * lit[i];
  }
  return compose(size, std::move(ground), colours, std::move(part), shadow);
}

}  // namespace res2clip::demo
