#pragma once

/// What the threads of a block find out together. Every thread of the block must call these, and all get the
/// same answer, to the last bit and in every run: nothing here depends on the order in which threads arrive.

#include <math.h>

#include "../sparsemax_threshold.hpp"

namespace res2clip::cuda {

constexpr int kWarp = 32;
constexpr unsigned kWholeWarp = 0xffffffffu;

__device__ inline float from_lane_across(float value, int distance) {
  return __shfl_xor_sync(kWholeWarp, value, distance);
}
__device__ inline int from_lane_across(int value, int distance) {
  return __shfl_xor_sync(kWholeWarp, value, distance);
}
__device__ inline Mass from_lane_across(const Mass& mass, int distance) {
  return {__shfl_xor_sync(kWholeWarp, mass.sum, distance), __shfl_xor_sync(kWholeWarp, mass.count, distance)};
}

struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
  __device__ Mass operator()(const Mass& a, const Mass& b) const {
    return {a.sum + b.sum, a.count + b.count};
  }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct Either {
  __device__ int operator()(int a, int b) const { return a | b; }
};

/// `combine` of every thread's value. `shared` holds a value for each warp.
template <int kThreads, class Value, class Combine>
__device__ Value across_block(Value value, Combine combine, Value* shared) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value = combine(value, from_lane_across(value, distance));
  __syncthreads();  // the last reader of `shared` is done
  if (threadIdx.x % kWarp == 0) shared[threadIdx.x / kWarp] = value;
  __syncthreads();
  Value total = shared[0];
  for (int warp = 1; warp < kThreads / kWarp; ++warp) total = combine(total, shared[warp]);
  return total;
}

/// Where a thread's entries begin when all threads lay down theirs one after the other, and how many there
/// are in all.
struct Share {
  int begin, total;
};

template <int kThreads>
__device__ Share share_of_block(int mine, int* shared) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  int up_to_mine = mine;
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const int before = __shfl_up_sync(kWholeWarp, up_to_mine, distance);
    if (lane >= distance) up_to_mine += before;
  }
  __syncthreads();
  if (lane == kWarp - 1) shared[warp] = up_to_mine;
  __syncthreads();
  Share share{up_to_mine - mine, 0};
  for (int other = 0; other < kThreads / kWarp; ++other) {
    if (other < warp) share.begin += shared[other];
    share.total += shared[other];
  }
  return share;
}

}  // namespace res2clip::cuda
