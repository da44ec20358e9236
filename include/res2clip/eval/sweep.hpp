#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "res2clip/eval/evaluator.hpp"

namespace res2clip {

/// A run of a sweep that is finished.
struct SweptRun {
  std::string name;
  std::vector<std::string> values;  ///< of the settings that differ between the runs, one for each key
  const EvaluationResult* result = nullptr;
};

/// sweep.csv: run, a column for each key, class (and "mean" over classes), the seven metrics, and in the rows
/// "mean" the paper's table and how far each metric is from it, in percentage points. A row for each run and
/// class. `keys`: names of the settings ("retrieval.gamma").
std::string sweep_csv(std::span<const std::string> keys, std::span<const SweptRun> runs);

/// A table in percent: a line for each run; runs that differ in `run.seed` alone are one line, with the
/// standard deviation of the sample under it. Below each the paper's, if it may be compared.
std::string sweep_table(std::span<const std::string> keys, std::span<const SweptRun> runs);

}  // namespace res2clip
