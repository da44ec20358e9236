#pragma once

#include <cstdint>
#include <string>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// Arithmetic of matrix products and convolutions. Everything that is compared with golden numbers is fp32.
/// bf16 is that of the image tower; on a GPU, what stays in float32 beside it (similarities, adapters) is
/// tf32 then, on a processor it is fp32. int8, on processors alone, is that of the image tower's products:
/// bytes, with a scale for each row of what is multiplied and for each output of the weights; its attention
/// is bf16 where the processor has products of it, else fp32. `automatic` stands for bf16 where the device
/// has products of it, for fp32 elsewhere.
enum class Precision { fp32, tf32, bf16, int8, automatic };

template <>
struct EnumNames<Precision> {
  static constexpr std::pair<Precision, std::string_view> values[] = {{Precision::fp32, "fp32"},
                                                                      {Precision::tf32, "tf32"},
                                                                      {Precision::bf16, "bf16"},
                                                                      {Precision::int8, "int8"},
                                                                      {Precision::automatic, "auto"}};
};

/// Where and how to compute.
struct ComputeOptions {
  std::string device = "auto";  ///< auto, cpu, cuda or cuda:N
  Precision precision = Precision::fp32;
  /// CPU threads of the process; 0: as they are (at first what OMP_NUM_THREADS says, else all cores)
  std::int64_t threads = 0;
  std::int64_t batch_size = 8;  ///< images encoded at once
  /// For tests, and not a setting: bf16 also on processors without instructions for it, many times slower.
  bool emulate = false;
};
void describe(Fields& fields, ComputeOptions& options);

}  // namespace res2clip
