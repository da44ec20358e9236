#include "res2clip/processes/communicator.hpp"

#include <algorithm>
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

/// Under which names a launcher tells rank and size, in the job and on the machine.
struct Launcher {
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
};

// srun's step variables: a batch script that is not started by srun has the job's, but is one process.
constexpr Launcher kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
};

/// Whoever sets one of the two by hand and forgets the other would train alone, several times over.
void require_both_or_none() {
  const bool rank = variable("RANK").has_value(), size = variable("WORLD_SIZE").has_value();
  if (rank != size)
    throw settings_error(std::string("environment variable ") + (rank ? "RANK" : "WORLD_SIZE") +
                         " is set without " + (rank ? "WORLD_SIZE" : "RANK") + "; set both or neither");
}

}  // namespace

std::unique_ptr<Communicator> single_process() {
  return std::make_unique<SingleProcess>();
}

ProcessPlace place_from_environment() {
  require_both_or_none();
  ProcessPlace place;
  for (const Launcher& launcher : kLaunchers) {
    const auto rank = variable(launcher.rank);
    const auto size = variable(launcher.size);
    if (!rank || !size) continue;
    place.size = number(launcher.size, *size, 1, 1 << 20);
    place.rank = number(launcher.rank, *rank, 0, place.size - 1);
    const auto local_rank = variable(launcher.local_rank);
    place.local_rank = local_rank ? number(launcher.local_rank, *local_rank, 0, 4096) : place.rank;
    if (const auto local_size = variable(launcher.local_size))
      place.local_size = std::min(place.size, number(launcher.local_size, *local_size, 1, 4096));
    break;
  }
  if (const auto address = variable("MASTER_ADDR")) place.address = *address;
  if (const auto port = variable("MASTER_PORT")) place.port = number("MASTER_PORT", *port, 1, 65535);
  place.launcher_has_store = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (const auto attempt = variable("TORCHELASTIC_RESTART_COUNT")) place.attempt = *attempt;
  return place;
}

ComputeOptions compute_of(const ProcessPlace& place, ComputeOptions options) {
  if (place.size == 1) return options;
  options.device = device_of_process(options.device, place.local_rank);
  if (options.threads == 0 && place.local_size > 1 && !variable("OMP_NUM_THREADS"))
    options.threads = threads_of_process(place.local_size);
  return options;
}

}  // namespace res2clip
