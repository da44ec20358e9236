#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <utility>

#include "tower_rows.hpp"
#include "tower_rows_kernel.cuh"

namespace res2clip::cuda {
namespace {

constexpr int kMostSteps = kLongestRow / kRowStep;

unsigned blocks_of(long long rows) {
  return static_cast<unsigned>((rows + kRowsOfBlock - 1) / kRowsOfBlock);
}

/// Calls `launch.run<steps>()` for the steps of a width: a kernel is compiled for each.
template <class Launch, std::size_t... kIndices>
int for_width(long long width, const Launch& launch, std::index_sequence<kIndices...>) {
  if (!takes_width(width)) return cudaErrorInvalidValue;
  const auto steps = static_cast<std::size_t>(width / kRowStep);
  ((steps == kIndices + 1 ? launch.template run<static_cast<int>(kIndices) + 1>() : void()), ...);
  return cudaGetLastError();
}
template <class Launch>
int for_width(long long width, const Launch& launch) {
  return for_width(width, launch, std::make_index_sequence<kMostSteps>());
}

template <class Out>
struct LaunchNormalise {
  const NormaliseRows& task;
  cudaStream_t stream;
  template <int kSteps>
  void run() const {
    const auto rows = task.images * (task.tokens - task.skipped);
    normalise_rows_kernel<kSteps, Out><<<blocks_of(rows), kRowsOfBlock * kLanes, 0, stream>>>(task);
  }
};
struct LaunchEmbed {
  const EmbedRows& task;
  cudaStream_t stream;
  template <int kSteps>
  void run() const {
    embed_rows_kernel<kSteps>
        <<<blocks_of(task.images * task.tokens), kRowsOfBlock * kLanes, 0, stream>>>(task);
  }
};
struct LaunchUnit {
  const UnitRows& task;
  cudaStream_t stream;
  template <int kSteps>
  void run() const {
    unit_rows_kernel<kSteps><<<blocks_of(task.rows), kRowsOfBlock * kLanes, 0, stream>>>(task);
  }
};

}  // namespace

int normalise_rows(const NormaliseRows& task, void* stream) {
  if (task.images * (task.tokens - task.skipped) == 0) return cudaSuccess;
  const auto on = static_cast<cudaStream_t>(stream);
  switch (task.type) {
    case RowType::float16:
      return for_width(task.width, LaunchNormalise<__half>{task, on});
    case RowType::bfloat16:
      return for_width(task.width, LaunchNormalise<__nv_bfloat16>{task, on});
    case RowType::float32:
      break;
  }
  return for_width(task.width, LaunchNormalise<float>{task, on});
}

int embed_rows(const EmbedRows& task, void* stream) {
  if (task.images * task.tokens == 0) return cudaSuccess;
  return for_width(task.width, LaunchEmbed{task, static_cast<cudaStream_t>(stream)});
}

int unit_rows(const UnitRows& task, void* stream) {
  if (task.rows == 0) return cudaSuccess;
  return for_width(task.width, LaunchUnit{task, static_cast<cudaStream_t>(stream)});
}

const char* row_error_text(int code) {
  return cudaGetErrorString(static_cast<cudaError_t>(code));
}

}  // namespace res2clip::cuda
