#pragma once

#include "../penalty_between.hpp"

namespace res2clip::cuda {

/// Query patches to be matched from their similarities; device pointers to float32. Contiguous, except for
/// the similarities, whose rows may lie further apart than they are long. No LibTorch.
struct MatchRows {
  const float* similarities;  ///< [rows, bank], row after row in steps of `pitch`
  const float* query;         ///< [rows, channels]
  const float* references;    ///< [bank, channels]
  float* matched;             ///< [rows, channels]: out
  float* residual;            ///< [rows, channels]: out
  float* residual_norm;       ///< [rows]: out
  long long rows, pitch;
  int bank, channels;
  int first;  ///< the first row's patch of its image; the others follow, image after image
  PenaltyPlan penalty;
};

/// Penalty, sparsemax, weighted sum, normalisation, residual and its norm, in one kernel on `stream` (a
/// cudaStream_t). Returns cudaSuccess (0) or the error of the launch; does not wait for the kernel.
int match_rows(const MatchRows& task, void* stream);

/// cudaSuccess (0) where this build has code for the current device, else the error that a launch would give.
int kernel_status();

}  // namespace res2clip::cuda
