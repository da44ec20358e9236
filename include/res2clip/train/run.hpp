#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/train/trainer.hpp"

namespace res2clip {

/// Where a training goes, and who listens. Any of the functions may be empty; what one throws ends the
/// training and goes through as it is, with a folder that can be resumed.
struct TrainingRun {
  Path output;          ///< folder of checkpoint.pth, state.pt, pairs.jsonl, log.jsonl, curves.html
  bool resume = false;  ///< continue from state.pt, if there is one
  /// Of how many of the last epochs the checkpoint stays, as checkpoints/epoch-001.pth, beside
  /// checkpoint.pth.
  std::int64_t keep_checkpoints = 0;
  /// Pairs to replay instead of drawing them; empty: draw.
  std::vector<StepPairs> replay;
  /// What else must be the same for a resume to make sense, beside the settings of training, retrieval and
  /// layers, and the data: name -> text (backbone checksum, prompts, image size, ...).
  std::map<std::string, std::string> identity;
  /// Told, on process 0, what the user should know: that a resumed run's last bits will differ.
  std::function<void(const std::string&)> remark = [](const std::string&) {};
  /// Asked before every step; true ends the run after that step, with its state saved. Any process may be
  /// asked.
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

/// A training that was accepted: everything that can be refused without looking at an image has been checked,
/// and its output folder is its own, on which no other training can get hold until this goes away.
///
/// train() goes through all epochs and writes the output folder (process 0 alone writes). state.pt and
/// checkpoint.pth are written after each epoch and when stopped, each whole or not at all and after the logs
/// have reached the disk, so a run that is killed at any moment and resumed ends with the same bytes in
/// checkpoint.pth, pairs.jsonl and log.jsonl as one that was not (on as many threads and processes and the
/// same kind of processor and device; else `run.remark` says that the last bits will differ). A run that does
/// not resume starts the folder anew.
class TrainingSession {
 public:
  /// Takes the folder, checks, and takes up state.pt where the run resumes; writes nothing. `data` and
  /// `processes` must outlive the session; `setup.steps_per_epoch` is filled in here. Throws settings errors
  /// where another training is writing the folder, where state.pt belongs to another training (naming what
  /// differs), or where the pairs to replay have another number of epochs; data errors for broken or missing
  /// files, a class without a normal image, and initial weights that do not fit; runtime errors where the
  /// folder cannot be made.
  TrainingSession(const TrainingData& data, TrainingSetup setup, TrainingRun run, Communicator& processes);
  ~TrainingSession();
  TrainingSession(const TrainingSession&) = delete;
  TrainingSession& operator=(const TrainingSession&) = delete;

  /// Throws runtime errors where a loss is not finite, a file cannot be written or another process is gone.
  /// To be called once.
  TrainingOutcome train();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One line of log.jsonl, without line end: epoch, step, phase, loss, terms, lr, grad_norm.
std::string log_line(const StepReport& report);

}  // namespace res2clip
