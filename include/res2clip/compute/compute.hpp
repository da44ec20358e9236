#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "res2clip/compute/options.hpp"
#include "res2clip/compute/processor.hpp"

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

/// Why a processor cannot compute in a precision, and what to do; empty if it can.
std::string obstacle_to(Precision precision, const Processor& processor);

/// The precision that a setting stands for on a device: itself, or what `auto` chooses by what the device
/// says of itself; nothing is measured. Throws a settings error for a precision that the device does not
/// compute in, and says why.
Precision resolve_precision(const ComputeOptions& options, c10::Device device);

/// Sets thread count and the precision of matrix products and convolutions for the process, and returns the
/// device. With `threads` 0 the count stays as it is. LibTorch keeps the count for each thread that has
/// computed: a new one holds for the calling thread and for those that have not computed before. TF32 is
/// switched off for products and convolutions if the precision is fp32; cuDNN keeps to algorithms that give
/// the same bits in every run. Throws a settings error for a value out of its range, and as
/// resolve_precision() and resolve_device() do.
c10::Device apply_compute(const ComputeOptions& options);

/// To be called before anything that may compute on several threads. Throws a runtime error in a child that
/// was made by fork() after its parent had done so: the threads of OpenMP are not there, and it would wait
/// for them without end.
void require_not_forked();

/// A device's kind, and of a GPU its name: "cpu", "cuda (NVIDIA H200)".
std::string description_of(c10::Device device);

}  // namespace res2clip
