#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/train/trainer.hpp"

namespace res2clip {

/// Where a training goes, and who listens.
struct TrainingRun {
  Path output;          ///< folder of checkpoint.pth, state.pt, pairs.jsonl, log.jsonl, curves.html
  bool resume = false;  ///< continue from state.pt, if there is one
  /// Pairs to replay instead of drawing them; empty: draw.
  std::vector<StepPairs> replay;
  /// What else must be the same for a resume to make sense, beside settings and data: name -> text (backbone
  /// checksum, ...).
  std::map<std::string, std::string> identity;
  /// Asked after every step; true ends the run with its state saved. Any process may be asked.
  std::function<bool()> stop_requested = [] { return false; };
  /// Told of every step, on every process.
  std::function<void(const StepReport&, std::int64_t total_steps)> on_step = [](const StepReport&,
                                                                                std::int64_t) {};
};

struct TrainingOutcome {
  bool finished = false;       ///< false: stopped on request; run again with `resume` to go on
  std::int64_t next_step = 0;  ///< steps done so far
  std::int64_t total_steps = 0;
  Adapters adapters;  ///< the weights, on the CPU
};

/// Trains through all epochs and writes the output folder (process 0 alone writes). state.pt and
/// checkpoint.pth are written after each epoch and when stopped, each whole or not at all, so a run that is
/// killed at any moment and resumed ends with the same bytes in checkpoint.pth, pairs.jsonl and log.jsonl as
/// one that was not. A run that does not resume starts the folder anew. `setup.steps_per_epoch` is filled in
/// here. Throws settings errors where state.pt belongs to other settings, data or weights, or where the pairs
/// to replay have another number of epochs; data errors for broken files; runtime errors where a loss is not
/// finite, a file cannot be written or another process is gone.
TrainingOutcome run_training(const TrainingData& data, TrainingSetup setup, const TrainingRun& run,
                             Communicator& processes);

/// One line of log.jsonl, without line end: epoch, step, phase, loss, terms, lr, grad_norm.
std::string log_line(const StepReport& report);

}  // namespace res2clip
