#include "res2clip/eval/table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "table_cells.hpp"

namespace res2clip {
namespace {

/// "not of all classes: P-AUROC (14 of 15), P-AP (14 of 15)" under the mean, where some are missing.
std::string missing_note(const MeanMetrics& mean) {
  std::string text;
  for (const auto metric : kMetrics) {
    if (mean[metric].counted == mean.classes) continue;
    text += (text.empty() ? "not of all classes: " : ", ") + std::string(name_of(metric)) + " (" +
            std::to_string(mean[metric].counted) + " of " + std::to_string(mean.classes) + ")";
  }
  return text.empty() ? text : text + "\n";
}

}  // namespace

std::size_t class_column_width(const std::vector<std::string>& categories) {
  std::size_t width = std::string("difference").size();
  for (const auto& category : categories) width = std::max(width, letters(category));
  return width;
}

std::string table_heading(std::size_t width) {
  std::string text = first_column("class", width);
  for (const auto metric : kMetrics) text += cell(std::string(name_of(metric)));
  return text;
}

std::string class_line(const std::string& category, const ClassMetrics& metrics, std::size_t width) {
  return metrics_line(category, values_of(metrics), width);
}

std::string results_table(const EvaluationResult& result) {
  std::vector<std::string> categories;
  for (const auto& one : result.classes) categories.push_back(one.category);
  const std::size_t width = class_column_width(categories);
  const std::string rule(width + kColumn * kMetricCount, '-');
  std::string text = table_heading(width) + "\n" + rule + "\n";
  for (const auto& one : result.classes) text += class_line(one.category, one.metrics, width) + "\n";
  text += rule + "\n" + metrics_line("mean", values_of(result.mean), width) + "\n";
  if (result.paper.row != nullptr) text += published_lines(*result.paper.row, values_of(result.mean), width);
  text += missing_note(result.mean);
  if (!result.paper.why_not.empty()) text += "not compared with the paper: " + result.paper.why_not + "\n";
  return text;
}

}  // namespace res2clip
