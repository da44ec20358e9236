#pragma once

#include <string>

#include "res2clip/settings/plan.hpp"

#include "evaluation.hpp"

namespace res2clip::app {

/// A plan of evaluations of one data set with one backbone.
struct SweepJob {
  std::string plan_file;  ///< as messages name it
  Plan plan;
  RunSettings base;  ///< what the plan's settings are applied to; has a backbone, a data set and an output
  bool quiet = false;
};

/// Evaluates what the output's folder does not hold yet, each image encoded once for all runs of one image
/// size, and writes a folder for each run and sweep.csv. Returns the table of all runs. A sweep that was
/// ended goes on with the classes that are not finished. Throws settings errors for a plan that does not fit
/// before anything is encoded.
std::string sweep(const SweepJob& job);

}  // namespace res2clip::app
