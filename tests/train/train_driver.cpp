// A small training in a process of its own, for the tests that kill it or start several:
// train_driver OUTPUT [--resume] [--pause MILLISECONDS] [--stop-after STEPS] [--die-at STEP]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <signal.h>
#include <thread>

#include <ATen/Parallel.h>

#include "res2clip/core/error.hpp"
#include "res2clip/train/run.hpp"

#include "support/run_training.hpp"
#include "train/synthetic_data.hpp"

namespace {

int train(int argc, char** argv) {
  using namespace res2clip;
  at::set_num_threads(1);
  TrainingRun run;
  run.output = argv[1];
  int pause = 0;
  std::int64_t stop_after = -1;
  std::int64_t die_at = -1;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--resume") run.resume = true;
    if (argument == "--pause") pause = std::atoi(argv[++i]);
    if (argument == "--stop-after") stop_after = std::atoll(argv[++i]);
    if (argument == "--die-at") die_at = std::atoll(argv[++i]);
  }
  const ProcessPlace place = place_from_environment();
  const auto processes = join_processes(place, std::chrono::seconds(30));
  std::int64_t steps = 0;
  run.on_step = [&](const StepReport& report, std::int64_t) {
    ++steps;
    if (report.step == die_at && place.rank == place.size - 1) ::raise(SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
  };
  run.stop_requested = [&] { return stop_after >= 0 && steps + 1 >= stop_after; };
  const testing::SyntheticData data;
  const TrainingOutcome outcome = testing::run_training(data.data(), data.setup(), run, *processes);
  std::printf("%lld of %lld steps\n", static_cast<long long>(outcome.next_step),
              static_cast<long long>(outcome.total_steps));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    return train(argc, argv);
  } catch (const res2clip::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
