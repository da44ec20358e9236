#include <cuda_runtime.h>

#include "match_rows.hpp"
#include "match_rows_kernel.cuh"

namespace res2clip::cuda {

int match_rows(const MatchRows& task, void* stream) {
  constexpr int kThreads = 256, kCapacity = 1024;
  if (task.rows > 0)
    match_rows_kernel<kThreads, kCapacity>
        <<<static_cast<unsigned>(task.rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(task);
  return cudaGetLastError();
}

const char* error_text(int code) {
  return cudaGetErrorString(static_cast<cudaError_t>(code));
}

}  // namespace res2clip::cuda
