#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "res2clip/core/path.hpp"
#include "res2clip/train/trainer.hpp"

namespace res2clip {

/// What must be the same for a run to continue, or what it ran on: name -> text.
using RunIdentity = std::map<std::string, std::string>;

/// The identity of a run: every setting of training, retrieval and layers under its own key ("train.epochs"),
/// samples, pairs to replay, and what the caller adds.
RunIdentity identify_run(const TrainingData& data, const TrainingSetup& setup,
                         const std::vector<StepPairs>& replay, const RunIdentity& more);

/// What may differ when a run goes on, at the price of its last bits: threads, processes, device and kind of
/// processor.
RunIdentity place_of_run(const TrainingSetup& setup, const Communicator& processes);

/// Writes state.pt: the trainer's state, how many steps it has done, and whose and where.
void save_run_state(const Path& path, const Trainer& trainer, std::int64_t next_step,
                    const RunIdentity& identity, const RunIdentity& place);

/// What load_run_state found.
struct TakenUp {
  std::int64_t next_step = 0;  ///< steps done
  std::string remark;          ///< what was different where the run began; empty: nothing
};

/// Restores a trainer from state.pt. Throws a settings error that names what differs from the run that wrote
/// it, with both values, and a data error where the file is broken.
TakenUp load_run_state(const Path& path, Trainer& trainer, const RunIdentity& identity,
                       const RunIdentity& place);

}  // namespace res2clip
