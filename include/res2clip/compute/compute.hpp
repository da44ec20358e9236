#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "res2clip/settings/settings.hpp"

namespace res2clip {

/// Arithmetic of matrix products and convolutions. Everything that is compared with golden numbers is fp32.
enum class Precision { fp32, tf32, bf16 };

template <>
struct EnumNames<Precision> {
  static constexpr std::pair<Precision, std::string_view> values[] = {
      {Precision::fp32, "fp32"}, {Precision::tf32, "tf32"}, {Precision::bf16, "bf16"}};
};

/// Where and how to compute.
struct ComputeOptions {
  std::string device = "auto";  ///< auto, cpu, cuda or cuda:N
  Precision precision = Precision::fp32;
  std::int64_t threads = 0;     ///< CPU threads; 0: what OMP_NUM_THREADS says, else all cores
  std::int64_t batch_size = 8;  ///< images encoded at once
};
void describe(Fields& fields, ComputeOptions& options);

/// The device that a name stands for: `auto` is the first CUDA device when this build and this machine have
/// one, the CPU otherwise. Throws a settings error for a device that is not there.
c10::Device resolve_device(const std::string& name);

/// The device of one of several processes on a machine, `local_rank` counting them from 0: `cuda`, and `auto`
/// where there are CUDA devices, become one device each, in turn. Any other name stays as it is.
std::string device_of_process(const std::string& name, int local_rank);

/// The CPU threads of one of `local_size` processes on a machine: its share of the machine's cores, at least
/// one, at most as many as this process may use (a launcher may have bound it to some).
std::int64_t threads_of_process(int local_size);

/// Sets thread count and the precision of matrix products and convolutions for the process, and returns the
/// device. TF32 is switched off for products and convolutions unless the precision is tf32; cuDNN keeps to
/// algorithms that give the same bits in every run.
c10::Device apply(const ComputeOptions& options);

/// A device's kind, and of a GPU its name: "cpu", "cuda (NVIDIA H200)".
std::string description_of(c10::Device device);

}  // namespace res2clip
