#include "res2clip/compute/compute.hpp"

#include <algorithm>
#include <thread>
#include <unistd.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/settings/check.hpp"

namespace res2clip {

namespace {

/// How many CUDA devices can be used: by this build, this LibTorch and this machine's driver.
int cuda_devices() {
  return at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
}

}  // namespace

c10::Device resolve_device(const std::string& name) {
  const int devices = cuda_devices();
  if (name == "cpu") return c10::kCPU;
  if (name == "auto") return devices > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  int index = 0;
  if (name.rfind("cuda:", 0) == 0) {
    const std::string digits = name.substr(5);
    if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos)
      throw settings_error("device '" + name + "' is not a device; use auto, cpu, cuda or cuda:N");
    index = std::stoi(digits);
  } else if (name != "cuda") {
    throw settings_error("device '" + name + "' is not a device; use auto, cpu, cuda or cuda:N");
  }
  if (devices == 0)
    throw settings_error("device '" + name + "' is not there: " + cuda_status().problem +
                         "; or use --device cpu");
  if (index >= devices)
    throw settings_error("device '" + name + "' is not there: this machine has " + std::to_string(devices) +
                         " CUDA device(s), counted from 0");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

std::string device_of_process(const std::string& name, int local_rank) {
  const int devices = cuda_devices();
  if (devices == 0 || (name != "auto" && name != "cuda")) return name;
  return "cuda:" + std::to_string(local_rank % devices);
}

std::int64_t threads_of_process(int local_size) {
  const auto share = static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)) / local_size;
  return std::clamp<std::int64_t>(share, 1, std::max(1U, std::thread::hardware_concurrency()));
}

c10::Device apply_compute(const ComputeOptions& options) {
  require_in_range(options, "compute");
  require_not_forked();
  const auto device = resolve_device(options.device);
  const Precision precision = resolve_precision(options, device);
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  const bool tf32 = precision != Precision::fp32;
  at::globalContext().setAllowTF32CuBLAS(tf32);
  at::globalContext().setAllowTF32CuDNN(tf32);
  // The same run gives the same bits: no algorithm that adds in the order in which threads arrive, and none
  // chosen by a race.
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
  return device;
}

std::string description_of(c10::Device device) {
  if (!device.is_cuda()) return device.str();
  const CudaStatus status = cuda_status();
  const auto index = static_cast<std::size_t>(std::max<int>(device.index(), 0));
  return index < status.devices.size() ? "cuda (" + status.devices[index].name + ")" : "cuda";
}

}  // namespace res2clip
