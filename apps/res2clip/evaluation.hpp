#pragma once

#include <string>
#include <vector>

#include "res2clip/config/settings.hpp"
#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/results.hpp"
#include "res2clip/processes/communicator.hpp"

namespace res2clip::app {

/// Evaluations of one data set with one detector and different references.
struct EvaluationJob {
  /// At least one. They differ in `run.shots`, `run.seed` and `run.output` alone.
  std::vector<RunSettings> runs;
  bool quiet = false;
  bool timings = false;
};

struct EvaluatedRun {
  RunSettings settings;  ///< fitted to the backbone
  EvaluationResult result;
  Provenance provenance;
  std::string references;  ///< the text of a references file
};

/// Encodes each image once for all runs. Empty but for the first process. Throws a settings error, before
/// anything is encoded, if the folder of a run holds other results.
std::vector<EvaluatedRun> evaluate_job(const EvaluationJob& job);

/// Writes the files of a run into its `run.output`.
void write_run(const EvaluatedRun& run);

}  // namespace res2clip::app
