#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "res2clip/eval/evaluator.hpp"
#include "res2clip/eval/results.hpp"

namespace res2clip {

/// One of several evaluations of a data set that differ in their references alone.
struct SeededRun {
  std::int64_t shots = 0;
  std::int64_t seed = 0;
  const EvaluationResult* result = nullptr;
};

/// "shots-2-seed-111": the folder of a run beside the others.
std::string run_name(std::int64_t shots, std::int64_t seed);

/// A metric over several runs, as a fraction of 1.
struct Spread {
  std::optional<double> mean;       ///< none if any run lacks the metric
  std::optional<double> deviation;  ///< of the sample (divided by n - 1); none of a single run
};
Spread spread_of(std::span<const std::optional<double>> values);

/// The runs with one number of shots, as a row of Tables 6 to 10.
struct ShotsSummary {
  std::int64_t shots = 0;
  std::vector<SeededRun> runs;
  std::array<Spread, kMetricCount> mean;                            ///< of each run's mean over classes
  std::map<std::string, std::array<Spread, kMetricCount>> classes;  ///< of each class
  PaperComparison paper;
};

/// A summary for each number of shots, in the order in which these first come. All runs have the same
/// classes.
std::vector<ShotsSummary> summaries_of(std::span<const SeededRun> runs);

/// A table for each number of shots in percent: a line per run, mean and standard deviation over the runs,
/// and the paper's beside them, or why these are not comparable.
std::string runs_table(std::span<const ShotsSummary> summaries);

/// runs.csv: shots, seed ("mean" and "deviation" over the runs), class (and "mean" over classes), metrics.
std::string runs_csv(std::span<const ShotsSummary> summaries);

/// runs.json: version and provenance, and for each number of shots the runs with their folders, mean and
/// deviation of each metric, and the paper's.
std::string runs_json(std::span<const ShotsSummary> summaries, const Provenance& provenance);

}  // namespace res2clip
