#pragma once

#include <functional>
#include <string>

#include <c10/core/Device.h>

#include "res2clip/processes/communicator.hpp"

namespace res2clip {

/// What a CUDA device is called, alike in every process that computes on it; empty if it cannot be told.
using DeviceQuery = std::function<std::string(c10::Device)>;

/// Whether every process of a job computes on a CUDA device of its own: NCCL allows no other. Each process
/// may count its devices in its own way (a launcher may show it a single one), so that their numbers say
/// nothing. All processes must call it together.
bool have_own_devices(c10::Device device, Communicator& processes, const DeviceQuery& query);

}  // namespace res2clip
