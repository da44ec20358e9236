#include "res2clip/core/compute.hpp"

#include <thread>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

namespace res2clip {

void describe(Fields& fields, ComputeOptions& options) {
  fields.field("device", options.device, "auto, cpu, cuda or cuda:N");
  fields.field("precision", options.precision, "arithmetic of matrix products");
  fields.field("threads", options.threads, {0, 4096}, "CPU threads; 0: all cores");
  fields.field("batch_size", options.batch_size, {1, 4096}, "images encoded at once");
}

c10::Device resolve_device(const std::string& name) {
  const auto devices = at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
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
    throw settings_error("device '" + name + "' is not there: " +
                         (at::globalContext().hasCUDA()
                              ? "this machine shows no CUDA device"
                              : "this build has no CUDA; build with scripts/build.sh --cuda") +
                         ", or use --device cpu");
  if (index >= devices)
    throw settings_error("device '" + name + "' is not there: this machine has " + std::to_string(devices) +
                         " CUDA device(s), counted from 0");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

c10::Device apply(const ComputeOptions& options) {
  const auto device = resolve_device(options.device);
  if (device.is_cpu() && options.precision != Precision::fp32)
    throw settings_error("precision " + std::string(name_of(options.precision)) +
                         " needs a CUDA device; on a CPU use fp32");
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  at::set_num_threads(
      static_cast<int>(options.threads > 0 ? options.threads : std::max<std::int64_t>(1, cores)));
  const bool tf32 = options.precision == Precision::tf32;
  at::globalContext().setAllowTF32CuBLAS(tf32);
  at::globalContext().setAllowTF32CuDNN(tf32);
  return device;
}

}  // namespace res2clip
