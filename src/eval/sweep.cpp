#include "res2clip/eval/sweep.hpp"

#include <algorithm>
#include <map>

#include "res2clip/core/csv.hpp"
#include "res2clip/eval/runs.hpp"
#include "res2clip/eval/table.hpp"

#include "table_cells.hpp"

namespace res2clip {
namespace {

/// The paper's table, and the differences to it in percentage points.
std::string paper_cells(const EvaluationResult& result) {
  const PublishedResult* const row = result.paper.row;
  if (row == nullptr) return "," + std::string(kMetricCount, ',');
  std::string text = "," + csv_cell(row->source + (row->setting.empty() ? "" : ", " + row->setting));
  for (const Metric metric : kMetrics) {
    const auto& own = result.mean[metric].value;
    const auto& paper = (*row)[metric];
    text += "," + (own && paper ? csv_cell(*own * 100.0 - paper->mean) : std::string());
  }
  return text;
}

/// Runs that differ in their seed alone, in the order in which they first come.
std::vector<std::vector<const SweptRun*>> but_for_seeds(std::span<const std::string> keys,
                                                        std::span<const SweptRun> runs) {
  const auto seed = std::find(keys.begin(), keys.end(), "run.seed") - keys.begin();
  std::map<std::vector<std::string>, std::size_t> places;
  std::vector<std::vector<const SweptRun*>> groups;
  for (const SweptRun& run : runs) {
    std::vector<std::string> values = run.values;
    if (seed < static_cast<std::ptrdiff_t>(values.size())) values.erase(values.begin() + seed);
    const auto [place, is_new] = places.emplace(std::move(values), groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(&run);
  }
  return groups;
}

/// The name of a group: that of its first run, without the seed if there are several.
std::string name_of(const std::vector<const SweptRun*>& group) {
  std::string name = group.front()->name;
  const auto seed = name.find("seed=");
  if (group.size() == 1 || seed == std::string::npos) return name;
  const auto end = std::min(name.find(',', seed), name.size());
  name.erase(seed, end - seed + (end < name.size() ? 1 : 0));
  if (!name.empty() && name.back() == ',') name.pop_back();
  return (name.empty() ? "" : name + ", ") + std::to_string(group.size()) + " seeds";
}

std::string group_lines(const std::vector<const SweptRun*>& group, std::size_t width) {
  MetricValues means, deviations;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    std::vector<std::optional<double>> values;
    for (const SweptRun* run : group) values.push_back(run->result->mean.figures[i].value);
    const Spread spread = spread_of(values);
    means[i] = spread.mean;
    deviations[i] = spread.deviation;
  }
  std::string text = metrics_line(name_of(group), means, width) + "\n";
  if (group.size() > 1) text += metrics_line("  +-", deviations, width) + "\n";
  const PaperComparison& paper = group.front()->result->paper;
  return paper.row == nullptr ? text : text + published_lines(*paper.row, means, width);
}

/// Why no run stands beside the paper, if that is the same for all of them.
std::string why_not(std::span<const SweptRun> runs) {
  const std::string& why = runs.front().result->paper.why_not;
  for (const SweptRun& run : runs)
    if (run.result->paper.why_not != why) return {};
  return why.empty() ? why : "not compared with the paper: " + why + "\n";
}

}  // namespace

std::string sweep_csv(std::span<const std::string> keys, std::span<const SweptRun> runs) {
  std::string text = "run";
  for (const std::string& key : keys) text += "," + csv_cell(key);
  text += ",class";
  for (const Metric metric : kMetrics) text += "," + std::string(name_of(metric));
  text += ",paper";
  for (const Metric metric : kMetrics) text += "," + std::string(name_of(metric)) + " difference";
  text += "\n";
  for (const SweptRun& run : runs) {
    std::string beginning = csv_cell(run.name);
    for (const std::string& value : run.values) beginning += "," + csv_cell(value);
    for (const ClassResult& one : run.result->classes)
      text += beginning + "," + csv_cell(one.category) + metric_cells(values_of(one.metrics)) + "," +
              std::string(kMetricCount, ',') + "\n";
    text += beginning + ",mean" + metric_cells(values_of(run.result->mean)) + paper_cells(*run.result) + "\n";
  }
  return text;
}

std::string sweep_table(std::span<const std::string> keys, std::span<const SweptRun> runs) {
  const auto groups = but_for_seeds(keys, runs);
  std::vector<std::string> names;
  for (const auto& group : groups) names.push_back(name_of(group));
  const std::size_t width = class_column_width(names);
  std::string heading = table_heading(width);
  heading.replace(0, width, first_column("run", width));
  std::string text = heading + "\n" + std::string(heading.size(), '-') + "\n";
  for (const auto& group : groups) text += group_lines(group, width);
  return text + why_not(runs);
}

}  // namespace res2clip
