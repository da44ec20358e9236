#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "res2clip/core/files.hpp"
#include "res2clip/train/trainer.hpp"

namespace res2clip {

/// What must be the same for a run to continue: name -> text.
using RunIdentity = std::map<std::string, std::string>;

/// The identity of a run: settings, samples, pairs, text residual, initial weights, layers, and what the
/// caller adds.
RunIdentity identify_run(const TrainingData& data, const TrainingSetup& setup,
                         const std::vector<StepPairs>& replay, const RunIdentity& more);

/// Writes state.pt: the trainer's state and how many steps it has done.
void save_run_state(const Path& path, const Trainer& trainer, std::int64_t next_step,
                    const RunIdentity& identity);

/// Restores a trainer from state.pt and returns the number of steps done. Throws a settings error that names
/// what differs from the run that wrote it, a data error where the file is broken.
std::int64_t load_run_state(const Path& path, Trainer& trainer, const RunIdentity& identity);

}  // namespace res2clip
