#include "res2clip/compute/cuda_status.hpp"

#if RES2CLIP_HAS_CUDA
#include <cuda_runtime_api.h>

#include <c10/cuda/CUDACachingAllocator.h>
#endif

namespace res2clip {

#if RES2CLIP_HAS_CUDA
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string problem_text(cudaError_t code, const CudaStatus& status) {
  switch (code) {
    case cudaSuccess:
      return "";
    case cudaErrorNoDevice:
      return "this machine shows no CUDA device (CUDA_VISIBLE_DEVICES may hide it)";
    case cudaErrorInsufficientDriver:
      if (status.driver.empty()) return "there is no NVIDIA driver on this machine";
      return "the NVIDIA driver is for CUDA " + status.driver + ", this build uses CUDA " + status.runtime +
             "; install a newer driver";
    default:
      return std::string("CUDA says: ") + cudaGetErrorString(code);
  }
}

/// Errors of a kernel while it runs. They belong to no call: whichever comes next tells them.
bool is_of_a_running_kernel(cudaError_t code) {
  switch (code) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string launch_failure(const std::string& kernel, const std::string& device, int code) {
  const auto error = static_cast<cudaError_t>(code);
  const std::string text = cudaGetErrorString(error);
  if (is_of_a_running_kernel(error))
    return "an operation on " + device + " failed before " + kernel + " was started: " + text +
           "; CUDA_LAUNCH_BLOCKING=1 tells which one";
  return kernel + " could not start on " + device + ": " + text;
}

CudaStatus cuda_status() {
  CudaStatus status;
  status.in_build = true;
  int version = 0;
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) status.runtime = version_text(version);
  if (cudaDriverGetVersion(&version) == cudaSuccess && version > 0) status.driver = version_text(version);
  int count = 0;
  status.problem = problem_text(cudaGetDeviceCount(&count), status);
  cudaGetLastError();  // what was told above is not to be met again by a later call
  if (!status.problem.empty()) return status;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    status.devices.push_back(
        {properties.name, properties.major, properties.minor, properties.totalGlobalMem});
  }
  if (status.devices.empty()) status.problem = problem_text(cudaErrorNoDevice, status);
  return status;
}

std::uint64_t free_cuda_memory(int device) {
  int before = 0;
  std::size_t free = 0, total = 0;
  const bool told = cudaGetDevice(&before) == cudaSuccess && cudaSetDevice(device) == cudaSuccess &&
                    cudaMemGetInfo(&free, &total) == cudaSuccess;
  cudaSetDevice(before);
  cudaGetLastError();
  return told ? free : 0;
}

std::uint64_t peak_cuda_memory(int device) {
  constexpr std::size_t kAll = 0;  // small and large blocks together
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
  return static_cast<std::uint64_t>(stats.allocated_bytes[kAll].peak);
}
#else
CudaStatus cuda_status() {
  CudaStatus status;
  status.problem = "this build has no CUDA; build with scripts/build.sh --cuda";
  return status;
}

std::string launch_failure(const std::string& kernel, const std::string& device, int) {
  return kernel + " could not start on " + device + ": this build has no CUDA";
}

std::uint64_t free_cuda_memory(int) {
  return 0;
}
std::uint64_t peak_cuda_memory(int) {
  return 0;
}
#endif

}  // namespace res2clip
