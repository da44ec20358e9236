#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include <c10/core/Device.h>

#include "res2clip/compute/options.hpp"

namespace res2clip {

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
/// device. TF32 is switched off for products and convolutions if the precision is fp32; cuDNN keeps to
/// algorithms that give the same bits in every run.
c10::Device apply_compute(const ComputeOptions& options);

/// What to tell of an exception by which memory ran out, on a device or the CPU: how much was needed, and the
/// settings to lower. Nothing for any other exception.
std::optional<std::string> out_of_memory_message(const std::exception& error);

}  // namespace res2clip
