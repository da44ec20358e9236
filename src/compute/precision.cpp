#include "res2clip/compute/compute.hpp"
#include "res2clip/compute/cuda_status.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

constexpr int kBf16Capability = 8;  // major compute capability of the first GPUs with products of bfloat16

std::string described(const Processor& processor) {
  return "this processor (" + (processor.name.empty() ? "of unknown name" : processor.name) + ": " +
         (processor.instructions.empty() ? "no AVX2" : processor.instructions) + ")";
}

bool has_bf16(c10::Device device) {
  if (device.is_cpu()) return this_processor().bf16_products;
  const CudaStatus status = cuda_status();
  const auto index = static_cast<std::size_t>(device.has_index() ? device.index() : 0);
  return index < status.devices.size() && status.devices[index].major >= kBf16Capability;
}

}  // namespace

std::string obstacle_to(Precision precision, const Processor& processor) {
  switch (precision) {
    case Precision::tf32:
      return "precision tf32 needs a CUDA device; on a CPU use fp32, bf16 or int8";
    case Precision::bf16:
      if (processor.bf16_products) return {};
      return "precision bf16 needs a processor with AMX-BF16 or AVX512-BF16; " + described(processor) +
             " would take about ten times as long as in fp32; use --precision fp32" +
             (processor.avx2 ? " or int8" : "");
    case Precision::int8:
      if (processor.avx2) return {};
      return "precision int8 needs a processor with AVX2; " + described(processor) +
             " would take longer than in fp32; use --precision fp32";
    default:
      return {};
  }
}

Precision resolve_precision(const ComputeOptions& options, c10::Device device) {
  if (options.precision == Precision::automatic) return has_bf16(device) ? Precision::bf16 : Precision::fp32;
  if (!device.is_cpu()) {
    if (options.precision == Precision::int8)
      throw settings_error("precision int8 is one of processors; on " + device.str() +
                           " use bf16 or tf32, or --device cpu");
    return options.precision;
  }
  const bool emulated = options.emulate && options.precision == Precision::bf16;
  if (const auto obstacle = obstacle_to(options.precision, this_processor()); !obstacle.empty() && !emulated)
    throw settings_error(obstacle);
  return options.precision;
}

}  // namespace res2clip
