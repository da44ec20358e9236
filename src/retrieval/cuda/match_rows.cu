#include <array>
#include <cuda_runtime.h>
#include <mutex>

#include "match_rows.hpp"
#include "match_rows_kernel.cuh"

namespace res2clip::cuda {
namespace {

constexpr int kCapacity = 1024;

using Kernel = void (*)(MatchRows);

/// The forms of the kernel with blocks of `threads` threads. One thread for four channels is the best.
struct Kernels {
  int threads;
  std::array<Kernel, 3> of;  ///< what a block keeps, see Keeps
  int static_bytes;
};

/// kBlocks blocks to a multiprocessor: half of the large GPUs' 2,048 threads. That leaves a thread the 56
/// registers that it takes to have four references on their way; of more threads each could wait for two.
template <int kThreads, int kBlocks>
constexpr Kernels kernels() {
  return {kThreads,
          {match_rows_kernel<kThreads, kCapacity, Keeps::scores, kBlocks>,
           match_rows_kernel<kThreads, kCapacity, Keeps::penalties, kBlocks>,
           match_rows_kernel<kThreads, kCapacity, Keeps::nothing, kBlocks>},
          static_cast<int>(sizeof(Shared<kThreads, kCapacity>))};
}
constexpr std::array<Kernels, 2> kKernels{kernels<192, 6>(), kernels<256, 4>()};

const Kernels& kernels_for(int channels) {
  return kKernels[channels <= 4 * kKernels[0].threads ? 0 : 1];
}

/// The dynamic shared memory that each of the kernels may use on a device.
using Allowance = std::array<long long, kKernels.size()>;

/// Allows the kernels all the shared memory that the current device gives to a block on request. Once for
/// each device: the allowance is the device's, not a launch's, and other threads launch too.
Allowance allow_shared_memory(int device) {
  Allowance allowance{};
  int most = 0;
  if (cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return allowance;
  for (std::size_t i = 0; i < kKernels.size(); ++i) {
    const int bytes = most - kKernels[i].static_bytes;
    bool allowed = true;
    for (const Kernel kernel : kKernels[i].of)
      allowed &=
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) == cudaSuccess;
    if (allowed) allowance[i] = bytes;
  }
  return allowance;
}

long long allowance_of(const Kernels& kernels) {
  constexpr int kMostDevices = 64;
  static std::array<std::once_flag, kMostDevices> asked;
  static std::array<Allowance, kMostDevices> known;
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess || device >= kMostDevices) return 0;
  std::call_once(asked[device], [&] { known[device] = allow_shared_memory(device); });
  return known[device][&kernels - kKernels.data()];
}

/// What a block keeps, and the bytes of dynamic shared memory for it.
struct Choice {
  Keeps keeps;
  long long bytes;
};

Choice choose(const MatchRows& task, long long allowed) {
  constexpr long long kFloat = sizeof(float);
  const long long scores = (task.bank + 3LL) / 4 * 4 * kFloat,
                  penalties = kFloat * task.penalty.rows * task.penalty.cols;
  if (scores <= allowed) return {Keeps::scores, scores};
  if (penalties <= allowed) return {Keeps::penalties, penalties};
  return {Keeps::nothing, 0};
}

}  // namespace

int match_rows(const MatchRows& task, void* stream) {
  if (task.rows == 0) return cudaSuccess;
  const auto& kernels = kernels_for(task.channels);
  const auto [keeps, bytes] = choose(task, allowance_of(kernels));
  cudaGetLastError();  // what an earlier call left behind, and a refusal above, are no errors of the launch
  kernels.of[static_cast<int>(keeps)]<<<static_cast<unsigned>(task.rows), kernels.threads,
                                        static_cast<std::size_t>(bytes), static_cast<cudaStream_t>(stream)>>>(
      task);
  return cudaGetLastError();
}

int kernel_status() {
  cudaFuncAttributes attributes{};
  const auto code = cudaFuncGetAttributes(&attributes, kKernels[0].of[0]);
  cudaGetLastError();
  return code;
}

}  // namespace res2clip::cuda
