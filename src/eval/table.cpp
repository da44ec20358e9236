#include "res2clip/eval/table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace res2clip {
namespace {

constexpr std::size_t kColumn = 9;

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

/// Letters of UTF-8 text, for alignment.
std::size_t letters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string first_column(const std::string& text, std::size_t width) {
  const std::size_t size = letters(text);
  return text + std::string(width > size ? width - size : 0, ' ');
}

std::string decimal(double value, const char* format = "%.1f") {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string cell(const std::string& text) {
  return padded_left(text, kColumn);
}

std::string percent(const std::optional<double>& value) {
  return cell(value ? decimal(*value * 100.0) : "-");
}

std::string line(const std::string& name, const auto& figures, std::size_t width) {
  std::string text = first_column(name, width);
  for (const auto& figure : figures) text += percent(figure.value);
  return text;
}

/// "no figure for 1 of 15 classes: P-AUROC, P-AP" under the mean, where some are missing.
std::string missing_note(const MeanMetrics& mean) {
  std::string text;
  for (const auto metric : kMetrics) {
    if (mean[metric].counted == mean.classes) continue;
    text += (text.empty() ? "mean of fewer than " + std::to_string(mean.classes) + " classes: " : ", ") +
            std::string(name_of(metric)) + " (" + std::to_string(mean[metric].counted) + ")";
  }
  return text.empty() ? text : text + "\n";
}

std::string published_lines(const PublishedResult& published, const MeanMetrics& mean, std::size_t width) {
  std::string paper = first_column("paper", width);
  std::string deviation = first_column("  +-", width);
  std::string difference = first_column("difference", width);
  for (const auto metric : kMetrics) {
    paper += cell(decimal(published[metric].mean));
    deviation += cell(decimal(published[metric].deviation));
    const auto& own = mean[metric].value;
    difference += cell(own ? decimal(*own * 100.0 - published[metric].mean, "%+.1f") : "-");
  }
  return paper + "\n" + deviation + "\n" + difference + "\n";
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
  return line(category, metrics.figures, width);
}

std::string results_table(const EvaluationResult& result) {
  std::vector<std::string> categories;
  for (const auto& one : result.classes) categories.push_back(one.category);
  const std::size_t width = class_column_width(categories);
  const std::string rule(width + kColumn * kMetricCount, '-');
  std::string text = table_heading(width) + "\n" + rule + "\n";
  for (const auto& one : result.classes) text += class_line(one.category, one.metrics, width) + "\n";
  text += rule + "\n" + line("mean", result.mean.figures, width) + "\n";
  if (result.paper.row != nullptr) text += published_lines(*result.paper.row, result.mean, width);
  text += missing_note(result.mean);
  if (!result.paper.why_not.empty()) text += "not compared with the paper: " + result.paper.why_not + "\n";
  return text;
}

}  // namespace res2clip
