#include <cuda_runtime.h>

#include "match_rows.hpp"
#include "match_rows_kernel.cuh"

namespace res2clip::cuda {
namespace {

constexpr int kThreads = 256, kCapacity = 1024;
constexpr auto kKeeping = match_rows_kernel<kThreads, kCapacity, true>;
constexpr auto kMakingAnew = match_rows_kernel<kThreads, kCapacity, false>;

/// Whether a row's scores fit into a block's shared memory on the current device; if so, allows the kernel to
/// use that much.
bool may_keep(long long bank) {
  int device = 0, most = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return false;
  const long long bytes = bank * static_cast<long long>(sizeof(float));
  if (bytes + static_cast<long long>(sizeof(Shared<kThreads, kCapacity>)) > most) return false;
  return cudaFuncSetAttribute(kKeeping, cudaFuncAttributeMaxDynamicSharedMemorySize,
                              static_cast<int>(bytes)) == cudaSuccess;
}

}  // namespace

int match_rows(const MatchRows& task, void* stream) {
  if (task.rows == 0) return cudaSuccess;
  const bool keep = may_keep(task.bank);
  cudaGetLastError();  // a refusal above is no error of the launch
  const auto kernel = keep ? kKeeping : kMakingAnew;
  const auto bytes = keep ? static_cast<std::size_t>(task.bank) * sizeof(float) : 0;
  kernel<<<static_cast<unsigned>(task.rows), kThreads, bytes, static_cast<cudaStream_t>(stream)>>>(task);
  return cudaGetLastError();
}

int kernel_status() {
  cudaFuncAttributes attributes{};
  const auto code = cudaFuncGetAttributes(&attributes, kKeeping);
  cudaGetLastError();
  return code;
}

const char* error_text(int code) {
  return cudaGetErrorString(static_cast<cudaError_t>(code));
}

}  // namespace res2clip::cuda
