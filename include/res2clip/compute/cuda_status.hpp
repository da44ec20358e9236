#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace res2clip {

struct CudaDevice {
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  std::uint64_t memory = 0;  ///< bytes in all
};

/// What CUDA says of this build and machine.
struct CudaStatus {
  bool in_build = false;        ///< whether this is a build with CUDA; the rest is empty where it is not
  std::string runtime, driver;  ///< versions, as "13.0"; no driver: empty
  std::string problem;          ///< why there is no device to use, and what to do; empty where there is one
  std::vector<CudaDevice> devices;
};

/// Asks the CUDA runtime, without making a context on any device.
CudaStatus cuda_status();

/// Bytes free on a CUDA device; makes a context there. 0 where it cannot be told.
std::uint64_t free_cuda_memory(int device);

/// The most bytes that tensors on a CUDA device have held at once since the process began. 0 in builds
/// without CUDA.
std::uint64_t peak_cuda_memory(int device);

/// What to tell of the launch of a kernel (`kernel`, in words) on `device` that gave the CUDA error `code`:
/// that it could not start and why, or, of an error that CUDA tells later than it happens, that an earlier
/// operation failed.
std::string launch_failure(const std::string& kernel, const std::string& device, int code);

}  // namespace res2clip
