#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "res2clip/core/settings.hpp"

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
  std::int64_t threads = 0;     ///< CPU threads; 0: as many as the machine has
  std::int64_t batch_size = 8;  ///< images encoded at once
};
void describe(Fields& fields, ComputeOptions& options);

/// The device that a name stands for: `auto` is the first CUDA device when this build and this machine have
/// one, the CPU otherwise. Throws a settings error for a device that is not there.
c10::Device resolve_device(const std::string& name);

/// Sets thread count and the precision of matrix products and convolutions for the process, and returns the
/// device. TF32 is switched off for everything unless the precision is tf32.
c10::Device apply(const ComputeOptions& options);

}  // namespace res2clip
