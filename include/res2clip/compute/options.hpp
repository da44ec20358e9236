#pragma once

#include <cstdint>
#include <string>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// Arithmetic of matrix products and convolutions. Everything that is compared with golden numbers is fp32.
/// bf16 is that of the image tower; what stays in float32 beside it (similarities, adapters) is tf32 then.
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
  /// CPU threads of the process; 0: as they are (at first what OMP_NUM_THREADS says, else all cores)
  std::int64_t threads = 0;
  std::int64_t batch_size = 8;  ///< images encoded at once
};
void describe(Fields& fields, ComputeOptions& options);

}  // namespace res2clip
