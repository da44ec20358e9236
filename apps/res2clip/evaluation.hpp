#pragma once

#include <string>
#include <vector>

#include "res2clip/config/settings.hpp"
#include "res2clip/data/layout.hpp"
#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/results.hpp"
#include "res2clip/pipeline/pipeline.hpp"

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

/// What of the paper a run of a sweep stands for.
struct Comparison {
  PublishedSetting ablation;       ///< the row; no source: none of an ablation
  std::vector<std::string> meant;  ///< settings that its plan changes on purpose
};
/// What a run found and was made with. `result` lacks remarks and comparison; `remarks` are on its images.
EvaluatedRun finished_run(RunSettings settings, EvaluationResult result, const Pipeline& pipeline,
                          const Dataset& dataset, const std::vector<std::string>& remarks,
                          const References& references, const Comparison& comparison = {});

/// What a run is made with. `settings` are fitted to the backbone.
Provenance provenance_of(const RunSettings& settings, const Pipeline& pipeline);

/// The splits of a data set that a run needs: what a list of references names need not be among the training
/// images.
Splits splits_for(const RunOptions& run);

/// Encodes each image once for all runs. Empty but for the first process. Throws a settings error, before
/// anything is encoded, if the folder of a run holds other results.
std::vector<EvaluatedRun> evaluate_job(const EvaluationJob& job);

/// Writes the files of a run into its `run.output`.
void write_run(const EvaluatedRun& run);

}  // namespace res2clip::app
