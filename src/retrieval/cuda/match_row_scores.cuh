#pragma once

// A row's scores: the similarities of one query patch with the whole bank, less their penalties.

#include "res2clip/compute/cuda_block.cuh"

#include "../fixed_point_threshold.hpp"
#include "match_rows.hpp"

namespace res2clip::cuda {

/// What a block keeps in dynamic shared memory.
enum class Keeps {
  scores,     ///< the row's penalised scores: `bank` floats, rounded up to a multiple of four
  penalties,  ///< its penalties, the same for every shot: a float for each patch of the grid
  nothing,    ///< scores are made anew from the similarities each time
};

/// The row that a block works on: one query patch against the whole bank.
struct QueryRow {
  const float* similarities;  // [bank]
  int bank;
  const PenaltyPlan& penalty;
  PatchPlace place;
  float* kept;  // dynamic shared memory

  __device__ int patches() const { return penalty.rows * penalty.cols; }
};

/// Walks over this thread's patches of a grid, kThreads apart: one division for all of them.
template <int kThreads>
class PatchWalk {
 public:
  __device__ explicit PatchWalk(const PenaltyPlan& plan)
      : cols_(plan.cols),
        y_(static_cast<int>(threadIdx.x) / plan.cols),
        x_(static_cast<int>(threadIdx.x) % plan.cols),
        down_(kThreads / plan.cols),
        along_(kThreads % plan.cols) {}

  __device__ PatchPlace place(const PenaltyPlan& plan) const { return place_at(plan, y_, x_); }
  __device__ void step() {
    y_ += down_;
    x_ += along_;
    if (x_ >= cols_) {
      x_ -= cols_;
      ++y_;
    }
  }

 private:
  int cols_, y_, x_, down_, along_;
};

/// The largest score that a thread has seen; NaN once one was not finite.
class LargestScore {
 public:
  __device__ void see(float score) {
    largest_ = fmaxf(largest_, score);
    zero_ += 0.0f * score;
  }
  __device__ float value() const { return zero_ == 0 ? largest_ : NAN; }

 private:
  float largest_ = -INFINITY, zero_ = 0;
};

/// Writes the penalties of this thread's patches: every kThreads-th one.
template <int kThreads>
__device__ void keep_my_penalties(const QueryRow& row) {
  PatchWalk<kThreads> walk(row.penalty);
  for (int patch = static_cast<int>(threadIdx.x); patch < row.patches(); patch += kThreads) {
    row.kept[patch] = penalty_between(row.penalty, row.place, walk.place(row.penalty));
    walk.step();
  }
}

/// The first look at a row that is kept: makes the scores. Each thread takes a few patches at once, through
/// all shots; until then their penalties lie where the first shot's scores will.
template <int kThreads>
__device__ float keep_scores(const QueryRow& row) {
  constexpr int kSideBySide = 8;
  const int patches = row.patches();
  LargestScore largest;
  keep_my_penalties<kThreads>(row);
  for (int first = static_cast<int>(threadIdx.x); first < patches; first += kSideBySide * kThreads) {
    float penalties[kSideBySide];
    RES2CLIP_UNROLL
    for (int i = 0; i < kSideBySide; ++i)
      if (first + i * kThreads < patches) penalties[i] = row.kept[first + i * kThreads];
    for (int begin = 0; begin < row.bank; begin += patches) {
      float similarities[kSideBySide];
      RES2CLIP_UNROLL
      for (int i = 0; i < kSideBySide; ++i)
        if (first + i * kThreads < patches) similarities[i] = row.similarities[begin + first + i * kThreads];
      RES2CLIP_UNROLL
      for (int i = 0; i < kSideBySide; ++i)
        if (first + i * kThreads < patches) {
          const float score = similarities[i] - penalties[i];
          row.kept[begin + first + i * kThreads] = score;
          largest.see(score);
        }
    }
  }
  const int place = row.bank + static_cast<int>(threadIdx.x);
  if (place < (row.bank + 3) / 4 * 4) row.kept[place] = -INFINITY;
  return largest.value();
}

/// Calls `visit(place, score)` for this thread's share of the scores at `begin` <= place < `end`, both
/// multiples of four unless `end` is the bank's. Each call gives a thread the same share in the same order.
template <int kThreads, Keeps kKeeps, class Visit>
__device__ void for_my_scores(const QueryRow& row, int begin, int end, Visit visit) {
  if constexpr (kKeeps == Keeps::scores) {
    for (int place = begin + 4 * static_cast<int>(threadIdx.x); place < end; place += 4 * kThreads) {
      const Four<float> scores = four_from(row.kept, place);
      RES2CLIP_UNROLL
      for (int i = 0; i < 4; ++i) visit(place + i, scores.at[i]);
    }
  } else {
    const int patches = row.patches();
    for (int place = begin + static_cast<int>(threadIdx.x); place < end; place += kThreads) {
      const float penalty =
          kKeeps == Keeps::penalties
              ? row.kept[place % patches]
              : penalty_between(row.penalty, row.place, place_of(row.penalty, place % patches));
      visit(place, row.similarities[place] - penalty);
    }
  }
}

/// The first look at the row: the largest score of this thread's share; NaN if one of them is not finite.
template <int kThreads, Keeps kKeeps>
__device__ float my_largest_score(const QueryRow& row) {
  if constexpr (kKeeps == Keeps::scores) {
    return keep_scores<kThreads>(row);
  } else {
    if constexpr (kKeeps == Keeps::penalties) {
      keep_my_penalties<kThreads>(row);
      __syncthreads();
    }
    LargestScore largest;
    for_my_scores<kThreads, kKeeps>(row, 0, row.bank, [&](int, float score) { largest.see(score); });
    return largest.value();
  }
}

}  // namespace res2clip::cuda
