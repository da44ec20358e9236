#pragma once

/// The kernel of maps.hpp that averages a map's highest values: it finds the lowest of them by its bits,
/// eleven at a time, and sorts nothing.

#include "res2clip/compute/cuda_block.cuh"

#include "maps.hpp"

namespace res2clip::cuda {

constexpr int kSelectThreads = 1024;

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

/// The part of a map that a block works on.
struct MapPart {
  long long map;
  int part;
  const float* begin;
  long long pixels;
};
__device__ inline MapPart part_of_block(const MeanHighest& task) {
  const long long map = blockIdx.x / kParts, length = (task.pixels + 4 * kParts - 1) / (4 * kParts) * 4;
  const int part = static_cast<int>(blockIdx.x % kParts);
  const long long first = part * length, left = task.pixels - first;
  return {map, part, task.maps + map * task.pixels + first, left < length ? left : length};
}

/// Calls `visit(value)` for this thread's pixels, always in the same order.
template <class Visit>
__device__ void for_my_pixels(const MapPart& part, Visit visit) {
  constexpr int kAtOnce = 4, kStep = 4 * kSelectThreads;
  const bool wide = part.pixels % 4 == 0 && reinterpret_cast<unsigned long long>(part.begin) % 16 == 0;
  if (!wide) {
    for (long long i = threadIdx.x; i < part.pixels; i += kSelectThreads) visit(part.begin[i]);
    return;
  }
  for (long long first = 4 * threadIdx.x; first < part.pixels; first += kAtOnce * kStep) {
    Four<float> fours[kAtOnce];
    RES2CLIP_UNROLL
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i * kStep < part.pixels) fours[i] = four_from(part.begin, first + i * kStep);
    RES2CLIP_UNROLL
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i * kStep < part.pixels)
        for (int c = 0; c < 4; ++c) visit(fours[i].at[c]);
  }
}

/// The digits of an order, the highest first: 11, 11 and 10 bits.
__host__ __device__ constexpr int shift_of(int digit) {
  return digit == 0 ? 21 : digit == 1 ? 10 : 0;
}
__host__ __device__ constexpr unsigned mask_of(int digit) {
  return digit < 2 ? kBins - 1 : kBins / 2 - 1;
}

/// The bin in which the `count`-th highest value lies, and how many lie in higher bins.
struct FoundBin {
  int digit, above;
};

/// Each thread takes two bins, from the highest down.
__device__ inline FoundBin find_bin(const int* bins, int count, SelectShared& shared) {
  static_assert(kBins == 2 * kSelectThreads);
  const int high = kBins - 1 - 2 * static_cast<int>(threadIdx.x);
  const int in_high = bins[high], in_low = bins[high - 1];
  const int before = share_of_block<kSelectThreads>(in_high + in_low, shared.counts).begin;
  if (before < count && count <= before + in_high + in_low) {
    const bool is_high = count <= before + in_high;
    shared.digit = is_high ? high : high - 1;
    shared.above = is_high ? before : before + in_high;
  }
  __syncthreads();
  return {shared.digit, shared.above};
}

/// What the bins of the first digits tell of the lowest of the highest values.
struct Lowest {
  unsigned order;  ///< its digits so far
  unsigned known;  ///< the bits of these
  int equals;      ///< how many of the highest values have these digits
};

__device__ inline Lowest find_lowest(const MeanHighest& task, long long map, int digits,
                                     SelectShared& shared) {
  Lowest lowest{0, 0, static_cast<int>(task.count)};
  for (int digit = 0; digit < digits; ++digit) {
    const FoundBin bin = find_bin(task.bins + (map * kDigits + digit) * kBins, lowest.equals, shared);
    lowest.order |= static_cast<unsigned>(bin.digit) << shift_of(digit);
    lowest.known |= mask_of(digit) << shift_of(digit);
    lowest.equals -= bin.above;
  }
  return lowest;
}

/// Counts, by their next digit, the values whose first `digit` digits are those of the lowest.
__global__ void __launch_bounds__(kSelectThreads) count_digit_kernel(MeanHighest task, int digit) {
  __shared__ SelectShared shared;
  const MapPart part = part_of_block(task);
  for (int bin = static_cast<int>(threadIdx.x); bin < kBins; bin += kSelectThreads) shared.bins[bin] = 0;
  const Lowest lowest = find_lowest(task, part.map, digit, shared);
  __syncthreads();
  for_my_pixels(part, [&](float value) {
    const unsigned order = order_of(value);
    if ((order & lowest.known) == lowest.order)
      atomicAdd(&shared.bins[order >> shift_of(digit) & mask_of(digit)], 1);
  });
  __syncthreads();
  int* bins = task.bins + (part.map * kDigits + digit) * kBins;
  for (int bin = static_cast<int>(threadIdx.x); bin < kBins; bin += kSelectThreads)
    if (shared.bins[bin] != 0) atomicAdd(&bins[bin], shared.bins[bin]);
}

/// Adds up, part by part, the values above the lowest; the first part also counts those that equal it.
__global__ void __launch_bounds__(kSelectThreads) sum_highest_kernel(MeanHighest task) {
  __shared__ SelectShared shared;
  const MapPart part = part_of_block(task);
  const Lowest lowest = find_lowest(task, part.map, kDigits, shared);
  CompensatedSum sum{};
  for_my_pixels(part, [&](float value) {
    if (order_of(value) > lowest.order) sum.add(value);
  });
  sum = across_block<kSelectThreads>(sum, Add(), shared.sums);
  if (threadIdx.x != 0) return;
  const float equals =
      part.part == 0 ? static_cast<float>(lowest.equals) * value_of_order(lowest.order) : 0.0f;
  task.sums[blockIdx.x] = sum.value() + equals;
}

/// A warp for a map.
__global__ void __launch_bounds__(kWarp) mean_highest_kernel(MeanHighest task) {
  static_assert(kParts <= kWarp);
  const int part = lane_of_thread();
  CompensatedSum sum{part < kParts ? task.sums[blockIdx.x * kParts + part] : 0.0f, 0.0f};
  sum = across_warp(sum, Add());
  if (part == 0) task.means[blockIdx.x] = sum.value() / static_cast<float>(task.count);
}

}  // namespace res2clip::cuda
