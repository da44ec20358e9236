#pragma once

#include "res2clip/compute/cuda_block.cuh"
#include "res2clip/core/smallest_norm.hpp"

#include "../fixed_point_threshold.hpp"
#include "match_row_scores.cuh"
#include "match_rows.hpp"

namespace res2clip {

__device__ inline DepthMass from_lane_across(const DepthMass& mass, int distance) {
  return {cuda::from_lane_across(mass.sum, distance), cuda::from_lane_across(mass.count, distance)};
}

namespace cuda {

#ifdef __CUDACC__
/// The shared memory whose size the launch gives.
__device__ inline float* dynamic_shared() {
  extern __shared__ __align__(16) float memory[];
  return memory;
}
#endif

/// References whose loads are on their way at once.
constexpr int kAtOnce = 4;

/// A block's shared memory: the row's candidates and what the threads exchange.
template <int kThreads, int kCapacity>
struct Shared {
  alignas(
      16) float scores[kCapacity];  ///< of the candidates, relative to the row's maximum; then their weights
  alignas(16) int places[kCapacity];  ///< in the bank
  DepthMass masses[kThreads / kWarp];
  float numbers[kThreads / kWarp];
  int counts[kThreads / kWarp];
  unsigned limit;
  int weighted;
};

/// Climbs over the first `count` scores in shared memory; for one warp.
template <int kThreads, int kCapacity>
__device__ DepthMass climb_in_warp(const Shared<kThreads, kCapacity>& shared, int count, unsigned limit) {
  return climb_to_support(limit, [&](unsigned bound) {
    DepthMass mine{};
    for (int i = lane_of_thread(); i < count; i += kWarp)
      mine.add_if_above(depth_of(shared.scores[i]), bound);
    return across_warp(mine, Add());
  });
}

/// A limit that the row's whole support lies above: that of the threads' largest scores alone.
template <int kThreads, int kCapacity>
__device__ unsigned limit_from_largest(float my_relative_largest, Shared<kThreads, kCapacity>& shared) {
  shared.scores[threadIdx.x] = my_relative_largest;
  __syncthreads();
  if (warp_of_thread() == 0) {
    const unsigned limit = limit_of(climb_in_warp(shared, kThreads, kTooDeep));
    if (lane_of_thread() == 0) shared.limit = limit;
  }
  __syncthreads();
  return shared.limit;
}

/// Lays down the scores at `begin` <= place < `end` that may lie above `limit`, if they fit. Returns their
/// number.
template <int kThreads, Keeps kKeeps, int kCapacity>
__device__ int lay_down(const QueryRow& row, float maximum, unsigned limit, int begin, int end,
                        Shared<kThreads, kCapacity>& shared) {
  int mine = 0;
  const float below = score_below(limit);
  for_my_scores<kThreads, kKeeps>(row, begin, end,
                                  [&](int, float score) { mine += score - maximum > below; });
  const Share share = share_of_block<kThreads>(mine, shared.counts);
  if (share.total > kCapacity) return share.total;
  int next = share.begin;
  for_my_scores<kThreads, kKeeps>(row, begin, end, [&](int place, float score) {
    const float relative = score - maximum;
    if (!(relative > below) || next == share.begin + mine) return;
    shared.scores[next] = relative;
    shared.places[next] = place;
    ++next;
  });
  // Should the compiler have rounded a score otherwise in this second loop, the place left over counts
  // nothing.
  for (; next < share.begin + mine; ++next) {
    shared.scores[next] = -1;
    shared.places[next] = 0;
  }
  __syncthreads();
  return share.total;
}

/// The mass of the row's support from all its scores, where its candidates did not fit.
template <int kThreads, Keeps kKeeps, int kCapacity>
__device__ DepthMass climb_over_row(const QueryRow& row, float maximum, unsigned limit,
                                    Shared<kThreads, kCapacity>& shared) {
  return climb_to_support(limit, [&](unsigned bound) {
    DepthMass mine{};
    for_my_scores<kThreads, kKeeps>(
        row, 0, row.bank, [&](int, float score) { mine.add_if_above(depth_of(score - maximum), bound); });
    return across_block<kThreads>(mine, Add(), shared.masses);
  });
}

/// Turns the first `candidates` scores into weights and moves together those above 0, in their order. Fills
/// up with weights of 0, to a multiple of kAtOnce. Returns their number; for one warp.
template <int kThreads, int kCapacity>
__device__ int weigh_in_warp(int candidates, double drop, Shared<kThreads, kCapacity>& shared) {
  int weighted = 0;
  for (int begin = 0; begin < candidates; begin += kWarp) {
    const int i = begin + lane_of_thread();
    const float weight = i < candidates ? static_cast<float>(shared.scores[i] + drop) : 0.0f;
    const int place = i < candidates ? shared.places[i] : 0;
    const unsigned chosen = __ballot_sync(kWholeWarp, weight > 0);  // all have read, before any writes
    if (weight > 0) {
      const int at = weighted + __popc(chosen & ((1u << lane_of_thread()) - 1));
      shared.scores[at] = weight;
      shared.places[at] = place;
    }
    weighted += __popc(chosen);
    __syncwarp();
  }
  const int filled = (weighted + kAtOnce - 1) / kAtOnce * kAtOnce;
  if (weighted + lane_of_thread() < filled) {
    shared.scores[weighted + lane_of_thread()] = 0;
    shared.places[weighted + lane_of_thread()] = shared.places[0];  // which is in the cache
  }
  return filled;
}

/// The same for a block, which then sees the weights.
template <int kThreads, int kCapacity>
__device__ int weigh(int candidates, const DepthMass& support, Shared<kThreads, kCapacity>& shared) {
  if (warp_of_thread() == 0) {
    const int weighted = weigh_in_warp(candidates, drop_of(support), shared);
    if (lane_of_thread() == 0) shared.weighted = weighted;
  }
  __syncthreads();
  return shared.weighted;
}

/// Rows of channels in device memory.
struct Channels {
  int count;
  bool wide;  ///< a multiple of four, and each row begins at a multiple of 16 bytes
};

__device__ inline Four<float> four_channels(const float* row, int first, const Channels& channels) {
  if (channels.wide) return four_from(row, first);
  Four<float> four{};
  for (int c = 0; c < 4; ++c)
    if (first + c < channels.count) four.at[c] = row[first + c];
  return four;
}
__device__ inline void store_channels(float* row, int first, const Channels& channels,
                                      const Four<float>& four) {
  if (channels.wide) return store_four(row, first, four);
  for (int c = 0; c < 4; ++c)
    if (first + c < channels.count) row[first + c] = four.at[c];
}

/// Adds the `weighted` references in shared memory, in their order, to the sums of four channels.
template <int kThreads, int kCapacity>
__device__ void add_four_wide(Four<float>& sums, const float* references, int channels, int first,
                              int weighted, const Shared<kThreads, kCapacity>& shared) {
  const float* column = references + first;
  RES2CLIP_NO_UNROLL
  for (int i = 0; i < weighted; i += kAtOnce) {
    const Four<float> weights = four_from(shared.scores, i);
    const Four<int> places = four_from(shared.places, i);
    Four<float> rows[kAtOnce];
    RES2CLIP_UNROLL
    for (int r = 0; r < kAtOnce; ++r)
      rows[r] = four_from(column, static_cast<long long>(places.at[r]) * channels);
    RES2CLIP_UNROLL
    for (int r = 0; r < kAtOnce; ++r)
      for (int c = 0; c < 4; ++c) sums.at[c] += weights.at[r] * rows[r].at[c];
  }
}
template <int kThreads, int kCapacity>
__device__ void add_weighted(Four<float>& sums, const float* references, const Channels& channels, int first,
                             int weighted, const Shared<kThreads, kCapacity>& shared) {
  if (first >= channels.count) return;
  if (channels.wide) return add_four_wide(sums, references, channels.count, first, weighted, shared);
  for (int i = 0; i < weighted; ++i) {
    const Four<float> row = four_channels(
        references + static_cast<long long>(shared.places[i]) * channels.count, first, channels);
    for (int c = 0; c < 4; ++c) sums.at[c] += shared.scores[i] * row.at[c];
  }
}

/// What a block has found out about its row's weights.
struct Weights {
  DepthMass support;
  float maximum;
  int weighted;    ///< entries in shared memory
  bool laid_down;  ///< whether those are all of them
};

/// The weighted sum in this thread's four channels from `first`. All threads of the block call it, those
/// beyond the last channel too.
template <Keeps kKeeps, int kThreads, int kCapacity>
__device__ Four<float> weighted_sum(const MatchRows& task, const QueryRow& row, const Channels& channels,
                                    const Weights& weights, int first, Shared<kThreads, kCapacity>& shared) {
  Four<float> sums{};
  int weighted = weights.weighted;
  const int portion = weights.laid_down ? row.bank : kCapacity;
  for (int begin = 0; begin < row.bank; begin += portion) {
    if (!weights.laid_down) {
      const int end = row.bank - begin < portion ? row.bank : begin + portion;
      __syncthreads();  // the last portion's readers are done
      const int candidates =
          lay_down<kThreads, kKeeps>(row, weights.maximum, limit_of(weights.support), begin, end, shared);
      weighted = weigh(candidates, weights.support, shared);
    }
    add_weighted(sums, task.references, channels, first, weighted, shared);
    if (row.bank - begin <= portion) break;  // before `begin` could overflow
  }
  return sums;
}

__device__ inline float sum_of_squares(const Four<float>& four) {
  float squares = 0;
  for (int c = 0; c < 4; ++c) squares += four.at[c] * four.at[c];
  return squares;
}

/// Weighted sum, normalisation, residual and its norm. The sums stay in registers where a block has a thread
/// for every four channels; more of them wait in `matched`, as the very threads wrote them that read them.
template <Keeps kKeeps, int kThreads, int kCapacity>
__device__ void write_row(const MatchRows& task, const QueryRow& row, const Channels& channels,
                          const Weights& weights, long long index, Shared<kThreads, kCapacity>& shared) {
  constexpr int kWidth = 4 * kThreads;
  const bool in_registers = channels.count <= kWidth;
  const float* query = task.query + index * channels.count;
  float* matched = task.matched + index * channels.count;
  float* residuals = task.residual + index * channels.count;
  Four<float> sums{};
  float squares = 0;
  for (int begin = 0; begin < channels.count; begin += kWidth) {
    const int first = begin + 4 * static_cast<int>(threadIdx.x);
    sums = weighted_sum<kKeeps>(task, row, channels, weights, first, shared);
    squares += sum_of_squares(sums);
    if (!in_registers && first < channels.count) store_channels(matched, first, channels, sums);
  }
  const float norm = fmaxf(sqrtf(across_block<kThreads>(squares, Add(), shared.numbers)), kSmallestNorm);

  squares = 0;
  for (int first = 4 * static_cast<int>(threadIdx.x); first < channels.count; first += kWidth) {
    if (!in_registers) sums = four_channels(matched, first, channels);
    Four<float> residual = four_channels(query, first, channels);
    for (int c = 0; c < 4; ++c) {
      sums.at[c] /= norm;
      residual.at[c] -= sums.at[c];
    }
    store_channels(matched, first, channels, sums);
    store_channels(residuals, first, channels, residual);
    squares += sum_of_squares(residual);
  }
  squares = across_block<kThreads>(squares, Add(), shared.numbers);
  if (threadIdx.x == 0) task.residual_norm[index] = sqrtf(squares);
}

template <int kThreads>
__device__ void write_nan(const MatchRows& task, long long index) {
  for (int channel = static_cast<int>(threadIdx.x); channel < task.channels; channel += kThreads)
    task.matched[index * task.channels + channel] = task.residual[index * task.channels + channel] = NAN;
  if (threadIdx.x == 0) task.residual_norm[index] = NAN;
}

/// The weights of a row whose scores are all finite.
template <int kThreads, Keeps kKeeps, int kCapacity>
__device__ Weights find_weights(const QueryRow& row, float my_largest, float maximum,
                                Shared<kThreads, kCapacity>& shared) {
  unsigned limit = limit_from_largest(my_largest - maximum, shared);
  DepthMass support{};
  for (int attempt = 0; attempt < 2; ++attempt) {
    const int candidates = lay_down<kThreads, kKeeps>(row, maximum, limit, 0, row.bank, shared);
    if (candidates <= kCapacity) {
      if (attempt == 0 && warp_of_thread() == 0) support = climb_in_warp(shared, candidates, limit);
      return {support, maximum, weigh(candidates, support, shared), true};
    }
    if (attempt == 1) break;
    support = climb_over_row<kThreads, kKeeps>(row, maximum, limit, shared);
    limit = limit_of(support);  // what lies above it mostly fits
  }
  return {support, maximum, 0, false};
}

__device__ inline bool is_at_16_bytes(const float* address) {
  return reinterpret_cast<unsigned long long>(address) % 16 == 0;
}

/// One block matches one query patch. The row's scores are looked at three times: for the largest of each
/// thread's share (whose threshold bounds the row's), to count and to lay down what lies above that bound,
/// which is the support and a little more. The rest works on these few: one warp finds the threshold, and
/// moves together what has weight. Should the candidates not fit, the threshold is found from all scores and
/// what lies above it is laid down; should not even the support fit, it is laid down portion by portion.
template <int kThreads, int kCapacity, Keeps kKeeps, int kBlocks = 1>
__global__ void __launch_bounds__(kThreads, kBlocks)
    match_rows_kernel(const __grid_constant__ MatchRows task) {
  static_assert(kThreads % kWarp == 0 && kCapacity >= kThreads && kCapacity % kWarp == 0,
                "whole warps, and room for a score from each thread");
  __shared__ Shared<kThreads, kCapacity> shared;
  const long long index = blockIdx.x;
  const int patches = task.penalty.rows * task.penalty.cols;
  const auto patch = (static_cast<unsigned>(task.first) + blockIdx.x) % static_cast<unsigned>(patches);
  const QueryRow row{task.similarities + index * task.pitch, task.bank, task.penalty,
                     place_of(task.penalty, static_cast<int>(patch)),
                     kKeeps == Keeps::nothing ? nullptr : dynamic_shared()};
  const float my_largest = my_largest_score<kThreads, kKeeps>(row);
  const float maximum = across_block<kThreads>(my_largest, Larger(), shared.numbers);
  if (maximum != maximum) return write_nan<kThreads>(task, index);
  const Weights weights = find_weights<kThreads, kKeeps>(row, my_largest, maximum, shared);
  const Channels channels{task.channels, task.channels % 4 == 0 && is_at_16_bytes(task.query) &&
                                             is_at_16_bytes(task.references) &&
                                             is_at_16_bytes(task.matched) && is_at_16_bytes(task.residual)};
  write_row<kKeeps>(task, row, channels, weights, index, shared);
}

}  // namespace cuda
}  // namespace res2clip
