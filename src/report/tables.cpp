#include "res2clip/core/csv.hpp"
#include "res2clip/report/report.hpp"

#include "text.hpp"

namespace res2clip {
namespace {

std::string csv_line(const std::string& run, const std::string& category, const MetricValues& metrics) {
  std::string line = csv_cell(run) + "," + csv_cell(category);
  for (const auto& value : metrics) line += "," + (value ? csv_cell(*value) : std::string());
  return line + "\n";
}

/// A name that Markdown or LaTeX takes as it is.
std::string escaped(const std::string& text, std::string_view special) {
  std::string whole;
  for (const char letter : text) {
    if (special.find(letter) != std::string_view::npos) whole += '\\';
    whole += letter;
  }
  return whole;
}

/// The rows of a table of means: name and seven cells each.
template <class Row>
void for_each_row(std::span<const ReportedRun> runs, const Row& row) {
  for (const ReportedRun& run : runs) {
    std::array<std::string, kMetricCount> own, paper, difference;
    for (std::size_t i = 0; i < kMetricCount; ++i) {
      own[i] = in_percent(run.mean[i]);
      const auto& figure = run.published[i];
      paper[i] = figure ? fixed(figure->mean, 1) +
                              (figure->deviation ? " ± " + fixed(*figure->deviation, 1) : std::string())
                        : "–";
      difference[i] = difference_text(run.mean[i], figure);
      if (difference[i].empty()) difference[i] = "–";
    }
    row(run.name, own);
    if (run.paper.empty()) continue;
    row("paper, " + run.paper, paper);
    row("difference", difference);
  }
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace

std::string report_markdown(std::span<const ReportedRun> runs) {
  std::string text = "| run |";
  for (const Metric metric : kMetrics) text += " " + std::string(name_of(metric)) + " |";
  text += "\n|---|";
  for (std::size_t i = 0; i < kMetricCount; ++i) text += "---:|";
  text += "\n";
  for_each_row(runs, [&](const std::string& name, const auto& cells) {
    text += "| " + escaped(name, "|_*") + " |";
    for (const std::string& cell : cells) text += " " + escaped(cell, "*") + " |";
    text += "\n";
  });
  return text;
}

std::string report_csv(std::span<const ReportedRun> runs) {
  std::string text = "run,class";
  for (const Metric metric : kMetrics) text += "," + std::string(name_of(metric));
  text += "\n";
  for (const ReportedRun& run : runs) {
    for (const ReportedClass& one : run.classes) text += csv_line(run.name, one.name, one.metrics);
    text += csv_line(run.name, "mean", run.mean);
  }
  return text;
}

std::string report_latex(std::span<const ReportedRun> runs) {
  std::string text = "% needs \\usepackage{booktabs}\n\\begin{tabular}{l" + std::string(kMetricCount, 'r') +
                     "}\n\\toprule\nrun";
  for (const Metric metric : kMetrics) text += " & " + std::string(name_of(metric));
  text += " \\\\\n\\midrule\n";
  for_each_row(runs, [&](const std::string& name, const auto& cells) {
    text += escaped(name, "&%$#_{}");
    for (const std::string& cell : cells) text += " & " + replaced(replaced(cell, "±", "$\\pm$"), "–", "--");
    text += " \\\\\n";
  });
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace res2clip
