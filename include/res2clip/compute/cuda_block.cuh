#pragma once

/// What the threads of a CUDA block, or of a warp, find out together. Every thread of the block (or warp)
/// must call these, and all get the same answer, to the last bit and in every run: nothing here depends on
/// the order in which threads arrive. Free of LibTorch; also compiles on the host after
/// tests/retrieval/cuda_on_host.hpp.

#include <math.h>  // the global names, which host and device share

/// Mark a loop of a few steps, whose loads are to be on their way at once, and one that is to stay a loop.
#ifdef __CUDACC__
#define RES2CLIP_UNROLL _Pragma("unroll")
#define RES2CLIP_NO_UNROLL _Pragma("unroll 1")
#else
#define RES2CLIP_UNROLL
#define RES2CLIP_NO_UNROLL
#endif

namespace res2clip::cuda {

constexpr int kWarp = 32;
constexpr unsigned kWholeWarp = 0xffffffffu;

__device__ inline int lane_of_thread() {
  return static_cast<int>(threadIdx.x) % kWarp;
}
__device__ inline int warp_of_thread() {
  return static_cast<int>(threadIdx.x) / kWarp;
}

/// Four neighbours, loaded or stored by one instruction of 16 bytes.
template <class Number>
struct alignas(4 * sizeof(Number)) Four {
  Number at[4];
};

/// numbers[first] to numbers[first + 3]; that address is a multiple of 16 bytes.
template <class Number>
__device__ inline Four<Number> four_from(const Number* numbers, long long first) {
  return *reinterpret_cast<const Four<Number>*>(numbers + first);
}
template <class Number>
__device__ inline void store_four(Number* numbers, long long first, const Four<Number>& four) {
  *reinterpret_cast<Four<Number>*>(numbers + first) = four;
}

__device__ inline float from_lane_across(float value, int distance) {
  return __shfl_xor_sync(kWholeWarp, value, distance);
}
__device__ inline int from_lane_across(int value, int distance) {
  return __shfl_xor_sync(kWholeWarp, value, distance);
}
__device__ inline unsigned long long from_lane_across(unsigned long long value, int distance) {
  return __shfl_xor_sync(kWholeWarp, value, distance);
}
__device__ inline double from_lane_across(double value, int distance) {
  return __shfl_xor_sync(kWholeWarp, value, distance);
}

struct Add {
  template <class Value>
  __device__ Value operator()(const Value& a, const Value& b) const {
    return a + b;
  }
};
/// The larger one; NaN if one of them is.
struct Larger {
  __device__ float operator()(float a, float b) const { return a > b || a != a ? a : b; }
};

/// `combine` of every lane's value.
template <class Value, class Combine>
__device__ Value across_warp(Value value, Combine combine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value = combine(value, from_lane_across(value, distance));
  return value;
}

/// `combine` of every thread's value. `shared` holds a value for each warp.
template <int kThreads, class Value, class Combine>
__device__ Value across_block(Value value, Combine combine, Value* shared) {
  value = across_warp(value, combine);
  __syncthreads();  // the last reader of `shared` is done
  if (lane_of_thread() == 0) shared[warp_of_thread()] = value;
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
  const int lane = lane_of_thread(), warp = warp_of_thread();
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
