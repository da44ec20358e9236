#pragma once

#include <utility>

#include "res2clip/train/run.hpp"

namespace res2clip::testing {

/// A session and its training in one.
inline TrainingOutcome run_training(const TrainingData& data, TrainingSetup setup, const TrainingRun& run,
                                    Communicator& processes) {
  return TrainingSession(data, std::move(setup), run, processes).train();
}

}  // namespace res2clip::testing
