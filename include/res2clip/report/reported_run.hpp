#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "res2clip/core/path.hpp"
#include "res2clip/eval/published.hpp"
#include "res2clip/metrics/metrics.hpp"

namespace res2clip {

/// One image as scores.csv has it.
struct ScoredImage {
  std::string name;  ///< path below the data root
  bool anomalous = false;
  double score = 0.0;
  std::string mask = {};  ///< below the data root where it lies there; empty: none, or of results that name none
};

using MetricValues = std::array<std::optional<double>, kMetricCount>;  ///< fractions of 1

struct ReportedClass {
  std::string name;
  MetricValues metrics;
  std::vector<ScoredImage> images;
};

/// What a folder of results holds.
struct ReportedRun {
  std::string name;  ///< of its folder, with those above it if several have one name
  Path folder;
  Path data_root;
  MetricValues mean;
  std::vector<ReportedClass> classes;
  std::string paper;  ///< its table ("Table 6"); empty: not compared
  std::array<std::optional<PublishedFigure>, kMetricCount> published;
  std::string why_not;                                          ///< why it is not compared with the paper
  std::vector<std::pair<std::string, std::string>> provenance;  ///< "backbone" -> "ViT-L/14@336px", ...
  std::vector<std::string> remarks;
  std::string settings;  ///< settings.yaml
};

/// Reads the results of `eval` and `sweep`: a folder with a results.json, or one that holds such folders (all
/// of them, by name). Throws a data error that names the file for results that are absent, incomplete or
/// damaged.
std::vector<ReportedRun> read_reported_runs(std::span<const Path> folders);

}  // namespace res2clip
