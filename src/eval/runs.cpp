#include "res2clip/eval/runs.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "res2clip/core/csv.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/eval/table.hpp"

#include "results_parts.hpp"
#include "table_cells.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;
using Spreads = std::array<Spread, kMetricCount>;

/// A metric of each run as `value_of` finds it in a result, for all metrics.
template <class ValueOf>
Spreads spreads_of(std::span<const SeededRun> runs, const ValueOf& value_of) {
  Spreads spreads;
  for (const Metric metric : kMetrics) {
    std::vector<std::optional<double>> values;
    for (const SeededRun& run : runs) values.push_back(value_of(*run.result, metric));
    spreads[static_cast<std::size_t>(metric)] = spread_of(values);
  }
  return spreads;
}

ShotsSummary summary_of(std::int64_t shots, std::vector<SeededRun> runs) {
  ShotsSummary summary;
  summary.shots = shots;
  summary.mean = spreads_of(
      runs, [](const EvaluationResult& result, Metric metric) { return result.mean[metric].value; });
  const std::vector<ClassResult>& classes = runs.front().result->classes;
  for (std::size_t i = 0; i < classes.size(); ++i)
    summary.classes[classes[i].category] =
        spreads_of(runs, [i](const EvaluationResult& result, Metric metric) {
          return result.classes.at(i).metrics[metric].value;
        });
  summary.paper = runs.front().result->paper;
  summary.runs = std::move(runs);
  return summary;
}

MetricValues means_of(const Spreads& spreads) {
  MetricValues means;
  for (std::size_t i = 0; i < kMetricCount; ++i) means[i] = spreads[i].mean;
  return means;
}

MetricValues deviations_of(const Spreads& spreads) {
  MetricValues deviations;
  for (std::size_t i = 0; i < kMetricCount; ++i) deviations[i] = spreads[i].deviation;
  return deviations;
}

std::string table_of(const ShotsSummary& summary) {
  std::vector<std::string> names = {std::to_string(summary.shots) +
                                    (summary.shots == 1 ? " shot" : " shots")};
  for (const SeededRun& run : summary.runs) names.push_back("seed " + std::to_string(run.seed));
  const std::size_t width = class_column_width(names);
  std::string heading = table_heading(width);
  heading.replace(0, width, first_column(names.front(), width));
  std::string text = heading + "\n" + std::string(heading.size(), '-') + "\n";
  for (std::size_t i = 0; i < summary.runs.size(); ++i)
    text += metrics_line(names[i + 1], values_of(summary.runs[i].result->mean), width) + "\n";
  text +=
      std::string(heading.size(), '-') + "\n" + metrics_line("mean", means_of(summary.mean), width) + "\n";
  if (summary.runs.size() > 1) text += metrics_line("  +-", deviations_of(summary.mean), width) + "\n";
  if (summary.paper.row != nullptr)
    text += published_lines(*summary.paper.row, means_of(summary.mean), width);
  if (!summary.paper.why_not.empty()) text += "not compared with the paper: " + summary.paper.why_not + "\n";
  return text;
}

std::string csv_row(std::int64_t shots, const std::string& seed, const std::string& category,
                    const MetricValues& values) {
  return std::to_string(shots) + "," + seed + "," + csv_cell(category) + metric_cells(values) + "\n";
}

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json spreads_json(const Spreads& spreads) {
  Json json = Json::object();
  for (const Metric metric : kMetrics) {
    const Spread& spread = spreads[static_cast<std::size_t>(metric)];
    json[std::string(name_of(metric))] = {{"mean", number_or_null(spread.mean)},
                                          {"deviation", number_or_null(spread.deviation)}};
  }
  return json;
}

Json summary_json(const ShotsSummary& summary) {
  Json json = {{"shots", summary.shots}, {"runs", Json::array()}};
  for (const SeededRun& run : summary.runs)
    json["runs"].push_back({{"seed", run.seed}, {"folder", run_name(run.shots, run.seed)}});
  json["mean"] = spreads_json(summary.mean);
  json["classes"] = Json::object();
  for (const ClassResult& one : summary.runs.front().result->classes)
    json["classes"][one.category] = spreads_json(summary.classes.at(one.category));
  if (summary.paper.row != nullptr)
    json["published"] = published_json(*summary.paper.row, means_of(summary.mean));
  if (!summary.paper.why_not.empty()) json["not_compared_with_the_paper"] = summary.paper.why_not;
  return json;
}

}  // namespace

std::string run_name(std::int64_t shots, std::int64_t seed) {
  return "shots-" + std::to_string(shots) + "-seed-" + std::to_string(seed);
}

Spread spread_of(std::span<const std::optional<double>> values) {
  double sum = 0.0;
  for (const auto& value : values) {
    if (!value) return {};
    sum += *value;
  }
  if (values.empty()) return {};
  const auto count = static_cast<double>(values.size());
  Spread spread{sum / count, std::nullopt};
  if (values.size() == 1) return spread;
  double squares = 0.0;
  for (const auto& value : values) squares += (*value - *spread.mean) * (*value - *spread.mean);
  spread.deviation = std::sqrt(squares / (count - 1.0));
  return spread;
}

std::vector<ShotsSummary> summaries_of(std::span<const SeededRun> runs) {
  std::vector<std::int64_t> order;
  std::map<std::int64_t, std::vector<SeededRun>> by_shots;
  for (const SeededRun& run : runs) {
    if (!by_shots.contains(run.shots)) order.push_back(run.shots);
    by_shots[run.shots].push_back(run);
  }
  std::vector<ShotsSummary> summaries;
  for (const std::int64_t shots : order) summaries.push_back(summary_of(shots, std::move(by_shots[shots])));
  return summaries;
}

std::string runs_table(std::span<const ShotsSummary> summaries) {
  std::string text;
  for (const ShotsSummary& summary : summaries) text += (text.empty() ? "" : "\n") + table_of(summary);
  return text;
}

std::string runs_csv(std::span<const ShotsSummary> summaries) {
  std::string text = "shots,seed,class";
  for (const Metric metric : kMetrics) text += "," + std::string(name_of(metric));
  text += "\n";
  for (const ShotsSummary& summary : summaries) {
    for (const SeededRun& run : summary.runs) {
      const std::string seed = std::to_string(run.seed);
      for (const ClassResult& one : run.result->classes)
        text += csv_row(run.shots, seed, one.category, values_of(one.metrics));
      text += csv_row(run.shots, seed, "mean", values_of(run.result->mean));
    }
    for (const auto& [name, pick] : {std::pair{"mean", &means_of}, std::pair{"deviation", &deviations_of}}) {
      for (const ClassResult& one : summary.runs.front().result->classes)
        text += csv_row(summary.shots, name, one.category, pick(summary.classes.at(one.category)));
      text += csv_row(summary.shots, name, "mean", pick(summary.mean));
    }
  }
  return text;
}

std::string runs_json(std::span<const ShotsSummary> summaries, const Provenance& provenance) {
  Json json = {{"shots", Json::array()}};
  for (const ShotsSummary& summary : summaries) json["shots"].push_back(summary_json(summary));
  json["provenance"] = provenance_json(provenance);
  json["provenance"].erase("shots");
  return json_text(json, 2) + "\n";
}

}  // namespace res2clip
