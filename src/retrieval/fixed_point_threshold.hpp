#pragma once

/// The threshold of sparsemax (see sparsemax_threshold.hpp) in whole numbers: for CUDA devices, of which many
/// add doubles at a 64th of the rate of floats. Free of LibTorch.
///
/// A score is its depth below the row's maximum in units of 2^-32, rounded to the nearest. From there on
/// everything is exact, so that neither the order of a sum nor the number of threads matters. Of scores with
/// the usual similarities nothing is rounded (the difference of two floats from 2^-9 on is a whole number of
/// units); any other is off by 2^-33 at most, and so is the threshold, which is a mean of depths. At most
/// 2^31 depths below 2^32 sum up to less than 2^63.

#include <math.h>  // the global names, which host and device share

#include "host_device.hpp"

namespace res2clip {

constexpr unsigned long long kUnitsPerOne = 1ULL << 32;
constexpr unsigned kTooDeep =
    0xffffffffu;  ///< of scores that lie 1 or more below the maximum: never any weight

/// The depth of a score relative to its row's maximum (at most 0).
RES2CLIP_HOST_DEVICE inline unsigned depth_of(float relative) {
  return relative > -1 ? static_cast<unsigned>(rintf(-relative * static_cast<float>(kUnitsPerOne)))
                       : kTooDeep;
}

/// Sum and number of some depths.
struct DepthMass {
  unsigned long long sum;
  int count;

  RES2CLIP_HOST_DEVICE void add_if_above(unsigned depth, unsigned limit) {
    if (depth < limit) {
      sum += depth;
      ++count;
    }
  }
};
RES2CLIP_HOST_DEVICE inline DepthMass operator+(const DepthMass& a, const DepthMass& b) {
  return {a.sum + b.sum, a.count + b.count};
}

/// Depths below this lie above the level at which `mass` alone weighs 1, (sum + 2^32) / count units down; the
/// others do not.
RES2CLIP_HOST_DEVICE inline unsigned limit_of(const DepthMass& mass) {
  const auto count = static_cast<unsigned long long>(mass.count);
  const unsigned long long limit = (mass.sum + kUnitsPerOne + count - 1) / count;
  return limit < kTooDeep ? static_cast<unsigned>(limit) : kTooDeep;
}

/// How far the level at which `mass` alone weighs 1 lies below the maximum.
RES2CLIP_HOST_DEVICE inline double drop_of(const DepthMass& mass) {
  return static_cast<double>(mass.sum + kUnitsPerOne) /
         (static_cast<double>(mass.count) * static_cast<double>(kUnitsPerOne));
}

/// A number that every score of a depth below `limit` exceeds.
RES2CLIP_HOST_DEVICE inline float score_below(unsigned limit) {
  constexpr float kMargin = 1.0000005f;  // more than the roundings of conversion and product
  return static_cast<float>(limit) * (-kMargin / static_cast<float>(kUnitsPerOne));
}

/// The support's mass, climbing from any `limit` that the whole support lies above (kTooDeep is always one).
/// `mass_above(limit)` gives the mass of the depths below a limit; on a device all threads that take part
/// call it together and get the same answer. At least one depth is 0. Exact: ends where a step drops none.
template <class MassAbove>
RES2CLIP_HOST_DEVICE DepthMass climb_to_support(unsigned limit, MassAbove&& mass_above) {
  DepthMass mass = mass_above(limit);
  for (int previous = mass.count + 1; mass.count < previous;) {
    previous = mass.count;
    mass = mass_above(limit_of(mass));
  }
  return mass;
}

}  // namespace res2clip
