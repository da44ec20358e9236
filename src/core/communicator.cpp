#include "res2clip/core/communicator.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

class SingleProcess final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void sum(at::Tensor&) override {}
  std::vector<std::string> gather(const std::string& bytes, std::chrono::seconds) override { return {bytes}; }
};

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

int number(const char* name, const std::string& text, int low, int high) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < low || value > high)
    throw settings_error("environment variable " + std::string(name) + " is '" + text +
                         "'; it must be a number from " + std::to_string(low) + " to " +
                         std::to_string(high));
  return value;
}

/// Under which names a launcher tells rank, size and local rank.
struct Launcher {
  const char* rank;
  const char* size;
  const char* local_rank;
};

// srun's step variables: a batch script that is not started by srun has the job's, but is one process.
constexpr Launcher kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
};

}  // namespace

std::unique_ptr<Communicator> single_process() {
  return std::make_unique<SingleProcess>();
}

ProcessPlace place_from_environment() {
  ProcessPlace place;
  for (const Launcher& launcher : kLaunchers) {
    const auto rank = variable(launcher.rank);
    const auto size = variable(launcher.size);
    if (!rank || !size) continue;
    place.size = number(launcher.size, *size, 1, 1 << 20);
    place.rank = number(launcher.rank, *rank, 0, place.size - 1);
    if (const auto local = variable(launcher.local_rank))
      place.local_rank = number(launcher.local_rank, *local, 0, 4096);
    break;
  }
  if (const auto address = variable("MASTER_ADDR")) place.address = *address;
  if (const auto port = variable("MASTER_PORT")) place.port = number("MASTER_PORT", *port, 1, 65535);
  place.launcher_has_store = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (const auto attempt = variable("TORCHELASTIC_RESTART_COUNT")) place.attempt = *attempt;
  return place;
}

ComputeOptions compute_of(const ProcessPlace& place, ComputeOptions options) {
  if (place.size > 1) options.device = device_of_process(options.device, place.local_rank);
  return options;
}

}  // namespace res2clip
