#pragma once

/// The threshold of sparsemax without a sort, for hosts and CUDA devices alike. Free of LibTorch.
///
/// tau is the one number with sum_j max(0, z_j - tau) = 1. For any subset A of a row, (sum_A z - 1) / |A| <=
/// tau, because at that level the entries of A alone bring the sum to 1 at least. So from any such lower
/// bound the step `tau <- (sum of z above tau - 1) / (count above tau)` climbs towards tau, drops entries on
/// the way, and stops, exactly, when it drops none (Michelot, "A finite algorithm for finding the projection
/// of a point onto the canonical simplex", 1986; it is Newton's method on the equation above).
///
/// The same fact makes rows short: the threshold of a few dozen well-chosen entries (the maxima of
/// interleaved lanes) is a bound so close to tau that hardly more than the support lies above it.

#include <math.h>  // the global names, which host and device share

#include "host_device.hpp"

namespace res2clip {

/// Sum and number of a row's entries above some level.
struct Mass {
  double sum = 0;
  long long count = 0;
};

/// The level at which `mass` alone sums to 1: a lower bound of the row's threshold.
RES2CLIP_HOST_DEVICE inline double level_of(const Mass& mass) {
  return (mass.sum - 1.0) / static_cast<double>(mass.count);
}

/// Climbs from `level`, a lower bound of the threshold (-1 is always one), to the threshold.
/// Scores are relative to their maximum: all <= 0, at least one 0. `mass_above(level)` gives the Mass of the
/// scores strictly above a level; on a device all threads of a row's block call it together and get the same
/// answer. NaN for `level` NaN.
template <class MassAbove>
RES2CLIP_HOST_DEVICE double climb_to_threshold(double level, MassAbove&& mass_above) {
  Mass mass = mass_above(level);
  long long previous = mass.count + 1;
  while (0 < mass.count &&
         mass.count < previous) {  // not below `previous`: none dropped, or rounding at a tie
    previous = mass.count;
    level = level_of(mass);
    mass = mass_above(level);
  }
  return level;
}

/// The largest float that is not above `level`: a float lies above `level` exactly where it lies above this,
/// and comparing floats is cheap everywhere.
RES2CLIP_HOST_DEVICE inline float float_at_most(double level) {
  const float nearest = static_cast<float>(level);
  return static_cast<double>(nearest) > level ? nextafterf(nearest, -INFINITY) : nearest;
}

/// Mass of `scores[first], scores[first + stride], ...` above a level: what one thread of a block sums up.
RES2CLIP_HOST_DEVICE inline Mass strided_mass_above(const float* scores, long long count, double level,
                                                    long long first, long long stride) {
  Mass mass;
  const float bound = float_at_most(level);
  for (long long j = first; j < count; j += stride)
    if (scores[j] > bound) {
      mass.sum += scores[j];
      ++mass.count;
    }
  return mass;
}

/// The threshold of `count` scores relative to their maximum, from a lower bound of it; one thread alone.
RES2CLIP_HOST_DEVICE inline double sparsemax_threshold(const float* scores, long long count,
                                                       double level = -1.0) {
  return climb_to_threshold(level,
                            [=](double bound) { return strided_mass_above(scores, count, bound, 0, 1); });
}

}  // namespace res2clip
