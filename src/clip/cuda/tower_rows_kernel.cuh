#pragma once

/// The kernels of tower_rows.hpp: a warp has a row in registers, reads it once and writes it once.

#include <math.h>  // the global names, which host and device share

#include "res2clip/core/smallest_norm.hpp"

#include "tower_rows.hpp"

// A row stays in registers only if its loops are unrolled.
#ifdef __CUDACC__
#define RES2CLIP_UNROLL_ROW _Pragma("unroll")
#else
#define RES2CLIP_UNROLL_ROW
#endif

namespace res2clip::cuda {

constexpr int kRowsOfBlock = 4, kLanes = 32;
constexpr float kLayerNormEpsilon = 1e-5f;  // of CLIP's layer norms

/// Four neighbours of a row, moved at once.
template <class Number>
struct alignas(4 * sizeof(Number)) Four {
  Number at[4];
};

/// This lane's part of a row of kSteps * 128 numbers: four of every 128.
template <int kSteps>
struct RowPart {
  Four<float> four[kSteps];
};

template <class Number>
__device__ inline Four<Number> load_four(const Number* row, int step, int lane) {
  return reinterpret_cast<const Four<Number>*>(row)[step * kLanes + lane];
}
template <class Number>
__device__ inline void store_four(Number* row, int step, int lane, const Four<Number>& four) {
  reinterpret_cast<Four<Number>*>(row)[step * kLanes + lane] = four;
}

__device__ inline float sum_of_warp(float value) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, distance);
  return value;
}

template <int kSteps>
__device__ void load_row(RowPart<kSteps>& part, const float* row, int lane) {
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step) part.four[step] = load_four(row, step, lane);
}

template <int kSteps>
__device__ void add_row(RowPart<kSteps>& part, const float* row, int lane) {
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step) {
    const Four<float> more = load_four(row, step, lane);
    for (int i = 0; i < 4; ++i) part.four[step].at[i] += more.at[i];
  }
}

/// LayerNorm of the row that the warp holds, to `out`.
template <int kSteps, class Out>
__device__ void store_normalised(RowPart<kSteps>& part, const float* scale, const float* shift, Out* out,
                                 int lane) {
  constexpr float kWidth = kSteps * kLanes * 4;
  float sum = 0;
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step)
    for (int i = 0; i < 4; ++i) sum += part.four[step].at[i];
  const float mean = sum_of_warp(sum) / kWidth;
  float squares = 0;
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step)
    for (int i = 0; i < 4; ++i) {
      const float difference = part.four[step].at[i] - mean;
      squares += difference * difference;
    }
  const float inverse = 1.0f / sqrtf(sum_of_warp(squares) / kWidth + kLayerNormEpsilon);
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step) {
    const Four<float> scales = load_four(scale, step, lane), shifts = load_four(shift, step, lane);
    Four<Out> normalised;
    for (int i = 0; i < 4; ++i)
      normalised.at[i] =
          static_cast<Out>((part.four[step].at[i] - mean) * inverse * scales.at[i] + shifts.at[i]);
    store_four(out, step, lane, normalised);
  }
}

/// The row of this warp. Past the last one a warp works on that, and stores nothing: all lanes reach all
/// shuffles.
struct WarpRow {
  long long row;
  bool inside;
  int lane;
};
__device__ inline WarpRow row_of_warp(long long rows) {
  const long long row =
      static_cast<long long>(blockIdx.x) * kRowsOfBlock + static_cast<int>(threadIdx.x) / kLanes;
  return {row < rows ? row : rows - 1, row < rows, static_cast<int>(threadIdx.x) % kLanes};
}

template <int kSteps, class Out>
__global__ void __launch_bounds__(kRowsOfBlock* kLanes) normalise_rows_kernel(NormaliseRows task) {
  const long long kept = task.tokens - task.skipped;
  const WarpRow warp = row_of_warp(task.images * kept);
  const long long source = warp.row / kept * task.tokens + task.skipped + warp.row % kept;
  RowPart<kSteps> part;
  load_row(part, task.x + source * task.width, warp.lane);
  if (task.bias) add_row(part, task.bias, warp.lane);
  // A warp past the end writes what the last row's own warp writes.
  store_normalised(part, task.scale, task.shift, static_cast<Out*>(task.out) + warp.row * task.width,
                   warp.lane);
}

template <int kSteps>
__global__ void __launch_bounds__(kRowsOfBlock* kLanes) embed_rows_kernel(EmbedRows task) {
  const WarpRow warp = row_of_warp(task.images * task.tokens);
  const long long image = warp.row / task.tokens, token = warp.row % task.tokens;
  RowPart<kSteps> part;
  load_row(part,
           token == 0 ? task.start : task.patches + (image * (task.tokens - 1) + token - 1) * task.width,
           warp.lane);
  add_row(part, task.positions + token * task.width, warp.lane);
  store_normalised(part, task.scale, task.shift, task.out + warp.row * task.width, warp.lane);
}

template <int kSteps>
__global__ void __launch_bounds__(kRowsOfBlock* kLanes) unit_rows_kernel(UnitRows task) {
  const WarpRow warp = row_of_warp(task.rows);
  float* row = task.x + warp.row * task.width;
  RowPart<kSteps> part;
  load_row(part, row, warp.lane);
  float squares = 0;
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step)
    for (int i = 0; i < 4; ++i) squares += part.four[step].at[i] * part.four[step].at[i];
  const float norm = sqrtf(sum_of_warp(squares));
  if (!warp.inside) return;  // in place: two warps may not write one row
  if (warp.lane == 0 && !(norm < INFINITY)) *task.not_finite = 1;
  const float divisor = fmaxf(norm, kSmallestNorm);  // NaN stays in the row itself
  RES2CLIP_UNROLL_ROW
  for (int step = 0; step < kSteps; ++step) {
    for (int i = 0; i < 4; ++i) part.four[step].at[i] /= divisor;
    store_four(row, step, warp.lane, part.four[step]);
  }
}

}  // namespace res2clip::cuda
