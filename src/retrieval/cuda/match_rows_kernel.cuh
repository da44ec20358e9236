#pragma once

#include "res2clip/core/smallest_norm.hpp"
#include "block.cuh"
#include "match_rows.hpp"

namespace res2clip::cuda {

#ifdef __CUDACC__
/// The shared memory whose size the launch gives.
__device__ inline float* dynamic_shared() {
  extern __shared__ float memory[];
  return memory;
}
#endif

/// A block's shared memory: the row's candidates and what the threads exchange.
template <int kThreads, int kCapacity>
struct Shared {
  Mass masses[kThreads / kWarp];
  float numbers[kThreads / kWarp];
  int counts[kThreads / kWarp];
  float scores[kCapacity];  ///< of the candidates, relative to the row's maximum; then their weights
  int places[kCapacity];    ///< in the bank
};

/// The row that a block works on: one query patch against the whole bank.
struct QueryRow {
  const float* similarities;  // [bank]
  int bank;
  PenaltyPlan penalty;
  PatchPlace place;
  float* kept;  // [bank] room for the penalised scores in shared memory
};

/// Calls `visit(place, score)` for this thread's share of the row's penalised scores, made from the
/// similarities. The penalty of a patch is computed once for all shots.
template <int kThreads, class Visit>
__device__ void for_my_new_scores(const QueryRow& row, Visit visit) {
  const int patches = row.penalty.rows * row.penalty.cols;
  for (int patch = static_cast<int>(threadIdx.x); patch < patches; patch += kThreads) {
    const float penalty = penalty_between(row.penalty, row.place, place_of(row.penalty, patch));
    RES2CLIP_UNROLL
    for (long long place = patch; place < row.bank; place += patches)
      visit(static_cast<int>(place), row.similarities[place] - penalty);
  }
}

/// The same for a later look at the row: from shared memory where the scores were kept there. At every call a
/// thread has the same share in the same order.
template <int kThreads, bool kKept, class Visit>
__device__ void for_my_scores(const QueryRow& row, Visit visit) {
  if constexpr (kKept) {
    RES2CLIP_UNROLL
    for (int place = static_cast<int>(threadIdx.x); place < row.bank; place += kThreads)
      visit(place, row.kept[place]);
  } else {
    for_my_new_scores<kThreads>(row, visit);
  }
}

/// The first look at the row: its largest score; NaN where not all of them are finite. Keeps the scores.
template <int kThreads, bool kKept>
__device__ float largest_score(const QueryRow& row, float& my_largest, float* numbers, int* counts) {
  float largest = -INFINITY;
  int unordered = 0;
  for_my_new_scores<kThreads>(row, [&](int place, float score) {
    if constexpr (kKept) row.kept[place] = score;
    largest = fmaxf(largest, score);
    unordered |= !(fabsf(score) < INFINITY);
  });
  my_largest = largest;
  const float maximum = across_block<kThreads>(largest, Larger(), numbers);
  unordered = across_block<kThreads>(unordered, Either(), counts);
  return unordered != 0 ? NAN : maximum;
}

/// The threshold of the threads' largest scores alone: a lower bound of the row's.
template <int kThreads>
__device__ double bound_from_largest(float my_relative_largest, Mass* masses) {
  return climb_to_threshold(-1.0, [&](double level) {
    const Mass mine = strided_mass_above(&my_relative_largest, 1, level, 0, 1);
    return across_block<kThreads>(mine, Add(), masses);
  });
}

/// Lays down the scores above `maximum + bound`, if they fit. Returns their number.
template <int kThreads, bool kKept, int kCapacity>
__device__ int lay_down_candidates(const QueryRow& row, float maximum, double bound,
                                   Shared<kThreads, kCapacity>& shared) {
  int mine = 0;
  const float least = float_at_most(bound);
  for_my_scores<kThreads, kKept>(row, [&](int, float score) { mine += score - maximum > least; });
  const Share share = share_of_block<kThreads>(mine, shared.counts);
  if (share.total > kCapacity) return share.total;
  int next = share.begin;
  for_my_scores<kThreads, kKept>(row, [&](int place, float score) {
    const float relative = score - maximum;
    if (!(relative > least) || next == share.begin + mine) return;
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

/// The row's threshold from its candidates, or from all its scores where they did not fit.
template <int kThreads, bool kKept, int kCapacity>
__device__ double row_threshold(const QueryRow& row, float maximum, double bound, int candidates,
                                Shared<kThreads, kCapacity>& shared) {
  return climb_to_threshold(bound, [&](double level) {
    Mass mine;
    if (candidates <= kCapacity)
      mine = strided_mass_above(shared.scores, candidates, level, threadIdx.x, kThreads);
    else
      for_my_scores<kThreads, kKept>(row, [&](int, float score) {
        const float relative = score - maximum;
        mine = Add()(mine, strided_mass_above(&relative, 1, level, 0, 1));
      });
    return across_block<kThreads>(mine, Add(), shared.masses);
  });
}

/// Channels that a thread sums up side by side.
constexpr int kChannels = 4;

/// Adds weight * reference to this thread's channels first, first + kThreads, ...
template <int kThreads>
__device__ void add_scaled(float (&sums)[kChannels], const float* reference, float weight, long long first,
                           long long channels) {
  for (int c = 0; c < kChannels; ++c) {
    const long long channel = first + c * kThreads;
    if (channel < channels) sums[c] += weight * reference[channel];
  }
}

/// Adds `count` weighted references, laid down in shared memory.
template <int kThreads, int kCapacity>
__device__ void add_laid_down(float (&sums)[kChannels], const MatchRows& task, long long first, int count,
                              const Shared<kThreads, kCapacity>& shared) {
  for (int i = 0; i < count; ++i)
    if (shared.scores[i] > 0)
      add_scaled<kThreads>(sums, task.references + shared.places[i] * task.channels, shared.scores[i], first,
                           task.channels);
}

/// Adds all references above the threshold, a block's width at a time, where the candidates did not fit.
template <int kThreads, bool kKept, int kCapacity>
__device__ void add_from_scores(float (&sums)[kChannels], const MatchRows& task, const QueryRow& row,
                                float maximum, double threshold, long long first,
                                Shared<kThreads, kCapacity>& shared) {
  [[maybe_unused]] const int patches = row.penalty.rows * row.penalty.cols;
  for (int begin = 0; begin < row.bank; begin += kThreads) {
    const int place = begin + static_cast<int>(threadIdx.x);
    float weight = 0;
    if (place < row.bank) {
      float score;
      if constexpr (kKept)
        score = row.kept[place];
      else
        score = row.similarities[place] -
                penalty_between(row.penalty, row.place, place_of(row.penalty, place % patches));
      weight = static_cast<float>(score - maximum - threshold);
    }
    __syncthreads();  // the last round's readers are done
    shared.scores[threadIdx.x] = weight;
    shared.places[threadIdx.x] = place;
    __syncthreads();
    add_laid_down<kThreads>(sums, task, first, kThreads, shared);
  }
}

/// One block matches one query patch. The row's scores are looked at three times: for the largest of each
/// thread's share (whose threshold bounds the row's), to count and to lay down what lies above that bound,
/// which is the support and a little more. The rest works on these few; should they not fit, the threshold is
/// found from all scores and what lies above it is laid down; should not even the support fit, all is done,
/// exactly, from all scores. With kKept the scores stay in dynamic shared memory (`bank` floats) after the
/// first look; without it they are made anew from the similarities each time.
template <int kThreads, int kCapacity, bool kKept>
__global__ void match_rows_kernel(MatchRows task) {
  static_assert(kThreads % kWarp == 0 && kCapacity >= kThreads,
                "whole warps, and room for a score from each thread");
  __shared__ Shared<kThreads, kCapacity> shared;
  const long long index = blockIdx.x;
  const int patch = static_cast<int>((task.first + index) % (task.penalty.rows * task.penalty.cols));
  const QueryRow row{task.similarities + index * task.bank, static_cast<int>(task.bank), task.penalty,
                     place_of(task.penalty, patch), kKept ? dynamic_shared() : nullptr};
  const float* query = task.query + index * task.channels;
  float* matched = task.matched + index * task.channels;
  float* residual = task.residual + index * task.channels;

  float my_largest;
  const float maximum = largest_score<kThreads, kKept>(row, my_largest, shared.numbers, shared.counts);
  if (maximum != maximum) {
    for (long long channel = threadIdx.x; channel < task.channels; channel += kThreads)
      matched[channel] = residual[channel] = NAN;
    if (threadIdx.x == 0) task.residual_norm[index] = NAN;
    return;
  }
  const double bound = bound_from_largest<kThreads>(my_largest - maximum, shared.masses);
  int candidates = lay_down_candidates<kThreads, kKept>(row, maximum, bound, shared);
  const double threshold = row_threshold<kThreads, kKept>(row, maximum, bound, candidates, shared);
  if (candidates > kCapacity)  // the bound was loose; the support alone mostly fits
    candidates = lay_down_candidates<kThreads, kKept>(row, maximum, threshold, shared);
  const bool laid_down = candidates <= kCapacity;
  if (laid_down) {
    for (int i = threadIdx.x; i < candidates; i += kThreads)
      shared.scores[i] = static_cast<float>(shared.scores[i] - threshold);
    __syncthreads();
  }

  float squares = 0;
  for (long long begin = 0; begin < task.channels; begin += kChannels * kThreads) {
    const long long first = begin + threadIdx.x;
    float sums[kChannels] = {};
    if (laid_down)
      add_laid_down(sums, task, first, candidates, shared);
    else
      add_from_scores<kThreads, kKept>(sums, task, row, maximum, threshold, first, shared);
    for (int c = 0; c < kChannels; ++c) {
      const long long channel = first + c * kThreads;
      if (channel < task.channels) matched[channel] = sums[c];
      squares += sums[c] * sums[c];
    }
  }
  const float norm = fmaxf(sqrtf(across_block<kThreads>(squares, Add(), shared.numbers)), kSmallestNorm);

  squares = 0;
  for (long long channel = threadIdx.x; channel < task.channels; channel += kThreads) {
    const float reference = matched[channel] / norm;  // as this very thread wrote it
    const float difference = query[channel] - reference;
    matched[channel] = reference;
    residual[channel] = difference;
    squares += difference * difference;
  }
  const float residual_square = across_block<kThreads>(squares, Add(), shared.numbers);
  if (threadIdx.x == 0) task.residual_norm[index] = sqrtf(residual_square);
}

}  // namespace res2clip::cuda
