#pragma once

#include <memory>

#include "res2clip/processes/communicator.hpp"

namespace res2clip::app {

/// Meets the other processes of the job; process 0 says for whom it waits, and an interrupt ends the waiting.
std::unique_ptr<Communicator> meet(const ProcessPlace& place, bool quiet);

}  // namespace res2clip::app
