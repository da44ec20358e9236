#pragma once

#include "../penalty_between.hpp"

namespace res2clip::cuda {

/// Query patches to be matched from their similarities; device pointers, all contiguous float32. No LibTorch.
struct MatchRows {
  const float* similarities;  ///< [rows, bank]
  const float* query;         ///< [rows, channels]
  const float* references;    ///< [bank, channels]
  float* matched;             ///< [rows, channels]: out
  float* residual;            ///< [rows, channels]: out
  float* residual_norm;       ///< [rows]: out
  long long rows, bank, channels;
  long long first;  ///< the first row's place in the batch's [B*N] patches
  PenaltyPlan penalty;
};

/// Penalty, sparsemax, weighted sum, normalisation, residual and its norm, in one kernel on `stream` (a
/// cudaStream_t). Returns cudaSuccess (0) or the error of the launch; does not wait for the kernel.
int match_rows(const MatchRows& task, void* stream);

/// cudaSuccess (0) where this build has code for the current device, else the error that a launch would give.
int kernel_status();

/// What CUDA says of an error code.
const char* error_text(int code);

}  // namespace res2clip::cuda
