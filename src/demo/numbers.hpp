#pragma once

#include <cmath>

/// The few functions beyond + - * / and square roots that the pictures need. The C library's own differ in
/// their last bits from machine to machine; these do not.
namespace res2clip::demo {

inline constexpr float kPi = 3.14159265F;

inline float clamp01(float x) {
  return x < 0 ? 0.F : (x > 1 ? 1.F : x);
}
inline float square(float x) {
  return x * x;
}
inline float fraction(float x) {
  return x - std::floor(x);
}

/// The remainder of i divided by n, in [0, n).
inline int wrapped(int i, int n) {
  return ((i % n) + n) % n;
}

/// A soft step: 0 below -width/2, 1 above width/2.
inline float soft_step(float distance, float width) {
  return clamp01(0.5F + distance / width);
}

/// A smooth bump: 1 at 0, 0 from |x| = 1 on.
inline float bump(float x) {
  const float rest = 1 - x * x;
  return rest > 0 ? rest * rest : 0.F;
}

inline float sine(float radians) {
  const float turns = radians / (2 * kPi);
  float x = (turns - std::floor(turns + 0.5F)) * 2 * kPi;  // [-pi, pi]
  if (x > kPi / 2) x = kPi - x;
  if (x < -kPi / 2) x = -kPi - x;
  const float s = x * x;
  return x * (1 + s * (-0.16666667F + s * (0.0083333310F + s * (-0.00019840874F + s * 0.0000027525562F))));
}

inline float cosine(float radians) {
  return sine(radians + kPi / 2);
}

/// The angle of (x, y) in [-pi, pi], to about 1e-5.
inline float angle_of(float y, float x) {
  const float ax = std::fabs(x), ay = std::fabs(y);
  const float larger = ax > ay ? ax : ay;
  if (larger == 0) return 0;
  const float t = (ax > ay ? ay : ax) / larger;
  const float s = t * t;
  float angle =
      t * (0.99997726F + s * (-0.33262347F +
                              s * (0.19354346F + s * (-0.11643287F + s * (0.05265332F + s * -0.01172120F)))));
  if (ay > ax) angle = kPi / 2 - angle;
  if (x < 0) angle = kPi - angle;
  return y < 0 ? -angle : angle;
}

inline float length_of(float x, float y) {
  return std::sqrt(x * x + y * y);
}

}  // namespace res2clip::demo
