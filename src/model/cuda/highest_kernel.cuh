#pragma once

/// The kernel of maps.hpp that averages a map's highest values: it finds the lowest of them by its bits,
/// eleven at a time, and sorts nothing.

#include "res2clip/compute/cuda_block.cuh"

#include "maps.hpp"

namespace res2clip::cuda {

constexpr int kSelectThreads = 1024, kDigitBits = 11, kBins = 1 << kDigitBits;

/// A number whose order as a whole number is the order of the floats; NaN is the highest.
__device__ inline unsigned order_of(float value) {
  if (value != value) return 0xffffffffu;
  const unsigned bits = __float_as_uint(value), sign = 0x80000000u;
  return bits & sign ? ~bits : bits | sign;
}
__device__ inline float value_of_order(unsigned order) {
  const unsigned sign = 0x80000000u;
  return __uint_as_float(order & sign ? order & ~sign : ~order);
}

/// A sum that keeps what rounding takes from it. Free of doubles, which many GPUs add slowly.
struct CompensatedSum {
  float sum, lost;

  __device__ void add(float value) {
    const float total = sum + value, part = total - sum;
    lost += (sum - (total - part)) + (value - part);
    sum = total;
  }
  __device__ float value() const { return fabsf(sum) < INFINITY ? sum + lost : sum; }
};
__device__ inline CompensatedSum operator+(CompensatedSum a, const CompensatedSum& b) {
  a.add(b.sum);
  a.lost += b.lost;
  return a;
}
__device__ inline CompensatedSum from_lane_across(const CompensatedSum& sum, int distance) {
  return {from_lane_across(sum.sum, distance), from_lane_across(sum.lost, distance)};
}

struct SelectShared {
  int bins[kBins];
  int counts[kSelectThreads / kWarp];
  CompensatedSum sums[kSelectThreads / kWarp];
  int digit, above;
};

/// Calls `visit(value)` for this thread's pixels, always in the same order.
template <class Visit>
__device__ void for_my_pixels(const float* map, long long pixels, Visit visit) {
  constexpr int kAtOnce = 4, kStep = 4 * kSelectThreads;
  const bool wide = pixels % 4 == 0 && reinterpret_cast<unsigned long long>(map) % 16 == 0;
  if (!wide) {
    for (long long i = threadIdx.x; i < pixels; i += kSelectThreads) visit(map[i]);
    return;
  }
  for (long long first = 4 * threadIdx.x; first < pixels; first += kAtOnce * kStep) {
    Four<float> fours[kAtOnce];
    RES2CLIP_UNROLL
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i * kStep < pixels) fours[i] = four_from(map, first + i * kStep);
    RES2CLIP_UNROLL
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i * kStep < pixels)
        for (int c = 0; c < 4; ++c) visit(fours[i].at[c]);
  }
}

/// The bin in which the `count`-th highest value lies, and how many lie in higher bins.
struct FoundBin {
  int digit, above;
};

/// Each thread takes two bins, from the highest down.
__device__ inline FoundBin find_bin(int count, SelectShared& shared) {
  static_assert(kBins == 2 * kSelectThreads);
  const int high = kBins - 1 - 2 * static_cast<int>(threadIdx.x);
  const int in_high = shared.bins[high], in_low = shared.bins[high - 1];
  const int before = share_of_block<kSelectThreads>(in_high + in_low, shared.counts).begin;
  if (before < count && count <= before + in_high + in_low) {
    const bool is_high = count <= before + in_high;
    shared.digit = is_high ? high : high - 1;
    shared.above = is_high ? before : before + in_high;
  }
  __syncthreads();
  return {shared.digit, shared.above};
}

/// The `count`-th highest value by its order, and how many of the `count` highest equal it.
struct LowestHighest {
  unsigned order;
  int equals;
};

__device__ inline LowestHighest find_lowest(const float* map, long long pixels, int count,
                                            SelectShared& shared) {
  unsigned found = 0, known = 0;  // bits of the answer so far, and which these are
  for (int shift = 32 - kDigitBits, bits = kDigitBits; bits > 0;) {
    for (int bin = static_cast<int>(threadIdx.x); bin < kBins; bin += kSelectThreads) shared.bins[bin] = 0;
    __syncthreads();
    const unsigned mask = (1u << bits) - 1;
    for_my_pixels(map, pixels, [&](float value) {
      const unsigned order = order_of(value);
      if ((order & known) == found) atomicAdd(&shared.bins[order >> shift & mask], 1);
    });
    __syncthreads();
    const FoundBin bin = find_bin(count, shared);
    count -= bin.above;
    found |= static_cast<unsigned>(bin.digit) << shift;
    known |= mask << shift;
    bits = shift < kDigitBits ? shift : kDigitBits;
    shift -= bits;
  }
  return {found, count};
}

/// One block for a map.
__global__ void __launch_bounds__(kSelectThreads) mean_highest_kernel(MeanHighest task) {
  __shared__ SelectShared shared;
  const float* map = task.maps + blockIdx.x * task.pixels;
  const LowestHighest lowest = find_lowest(map, task.pixels, static_cast<int>(task.count), shared);
  CompensatedSum sum{};
  for_my_pixels(map, task.pixels, [&](float value) {
    if (order_of(value) > lowest.order) sum.add(value);
  });
  sum = across_block<kSelectThreads>(sum, Add(), shared.sums);
  if (threadIdx.x != 0) return;
  const float equals = static_cast<float>(lowest.equals) * value_of_order(lowest.order);
  task.means[blockIdx.x] = (sum.value() + equals) / static_cast<float>(task.count);
}

}  // namespace res2clip::cuda
