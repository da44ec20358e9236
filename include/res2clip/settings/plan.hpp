#pragma once

#include <string>
#include <utility>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// One run of a plan: what it changes in the settings, from the weakest to the strongest.
struct PlannedRun {
  std::string name;  ///< "cosine,seed=222": fit for a folder's name, unlike that of any other run
  std::vector<std::pair<std::string, std::string>> values;  ///< "retrieval.gamma" -> "0.02", as YAML
  std::vector<std::string> own;  ///< the settings among them that no grid varies: what the row below is of
  std::string table, row;  ///< of the paper's ablation that it stands for ("Table 3", "cosine"); empty: none
};

struct Plan {
  std::string title;
  std::vector<std::string> keys;  ///< those that differ between runs, in the order of the file
  std::vector<PlannedRun> runs;   ///< at least one
};

/// Reads a plan of runs:
///
///   title: Table 3
///   set: {run.shots: 1}                   # of all runs
///   runs:                                 # each in turn ...
///     - {name: cosine, paper: [Table 3, cosine], set: {scoring.residual_alignment: cosine}}
///     - {name: projection, set: {scoring.residual_alignment: projection}}
///   grid: {run.seed: [111, 222, 333]}     # ... with every combination of these
///
/// Every part may be absent, but not both of `runs` and `grid`. Values are written as in a settings file;
/// whether a setting exists, and takes them, is not looked at here. Throws a settings error that names the
/// line for anything else.
Plan read_plan(const Path& file);
/// The same of a text; `source` names it in messages.
Plan plan_of(const std::string& text, const std::string& source);

}  // namespace res2clip
