#include "res2clip/eval/results.hpp"

#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

#include "res2clip/clip/published_weights.hpp"
#include "res2clip/core/csv.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/core/version.hpp"

#include "results_parts.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;

Json figure(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json class_json(const ClassResult& result) {
  Json figures;
  Json reasons = Json::object();
  for (const auto metric : kMetrics) {
    const std::string name(name_of(metric));
    figures[name] = figure(result.metrics[metric].value);
    if (!result.metrics[metric].value) reasons[name] = result.metrics[metric].reason;
  }
  Json json = {{"metrics", std::move(figures)},
               {"images", result.metrics.images},
               {"anomalous_images", result.metrics.anomalous_images},
               {"references", result.references}};
  if (!reasons.empty()) json["reasons"] = std::move(reasons);
  return json;
}

Json mean_json(const MeanMetrics& mean) {
  Json figures;
  Json counted;
  for (const auto metric : kMetrics) {
    const std::string name(name_of(metric));
    figures[name] = figure(mean[metric].value);
    counted[name] = mean[metric].counted;
  }
  return {
      {"metrics", std::move(figures)}, {"classes", mean.classes}, {"classes_counted", std::move(counted)}};
}

/// Which published weights a card's checksum is that of. The card is not proof of it.
Json named_by_card(const std::string& weights_sha256) {
  const std::string_view name = published_weights(weights_sha256);
  return name.empty() ? Json(nullptr) : Json(name);
}

std::array<std::optional<double>, kMetricCount> values_of(const MeanMetrics& mean) {
  std::array<std::optional<double>, kMetricCount> values;
  for (const Metric metric : kMetrics) values[static_cast<std::size_t>(metric)] = mean[metric].value;
  return values;
}

std::string row(const std::string& name, const auto& figures) {
  std::string line = csv_cell(name);
  for (const auto& figure : figures) line += "," + (figure.value ? csv_cell(*figure.value) : std::string());
  return line + "\n";
}

}  // namespace

Json provenance_json(const Provenance& provenance) {
  Json json = {{"version", version()},
               {"dataset", provenance.dataset},
               {"data_root", provenance.data_root.generic_string()},
               {"shots", provenance.shots},
               {"mode", provenance.fine_tuned ? "fine_tuned" : "training_free"},
               {"backbone",
                {{"name", provenance.backbone_name},
                 {"checksum", provenance.backbone_checksum},
                 {"weights_sha256", provenance.weights_sha256},
                 {"weights_named_by_their_card", named_by_card(provenance.weights_sha256)}}}};
  json["checkpoint"] = provenance.checkpoint.empty() ? Json(nullptr)
                                                     : Json{{"path", provenance.checkpoint.generic_string()},
                                                            {"sha256", provenance.checkpoint_sha256}};
  return json;
}

Json published_json(const PublishedResult& published,
                    const std::array<std::optional<double>, kMetricCount>& means) {
  Json figures = Json::object();
  for (const auto metric : kMetrics) {
    const auto& paper = published[metric];
    if (!paper) continue;
    Json entry = {{"mean", paper->mean}};
    if (paper->deviation) entry["deviation"] = *paper->deviation;
    if (const auto& own = means[static_cast<std::size_t>(metric)])
      entry["difference"] = *own * 100.0 - paper->mean;
    figures[std::string(name_of(metric))] = std::move(entry);
  }
  Json json = {{"unit", "percent"}, {"source", published.source}};
  if (!published.setting.empty()) json["setting"] = published.setting;
  json["metrics"] = std::move(figures);
  return json;
}

void describe_backbone(Provenance& provenance, const ModelCard& card, const std::string& checksum) {
  provenance.backbone_name = card.origin.name;
  provenance.backbone_checksum = checksum;
  provenance.weights_sha256 = card.origin.sha256;
}

std::string results_json(const EvaluationResult& result, const Provenance& provenance, const Json& settings) {
  Json classes = Json::object();
  for (const auto& one : result.classes) classes[one.category] = class_json(one);
  Json json = {{"metric_mode", name_of(result.metrics.mode)},
               {"mean", mean_json(result.mean)},
               {"classes", std::move(classes)}};
  if (result.paper.row != nullptr)
    json["published"] = published_json(*result.paper.row, values_of(result.mean));
  if (!result.paper.why_not.empty()) json["not_compared_with_the_paper"] = result.paper.why_not;
  json["remarks"] = result.remarks;
  json["left_out"] = result.left_out;
  json["provenance"] = provenance_json(provenance);
  json["settings"] = settings;
  return json_text(json, 2) + "\n";
}

std::string results_csv(const EvaluationResult& result) {
  std::string text = "class";
  for (const auto metric : kMetrics) text += "," + std::string(name_of(metric));
  text += "\n";
  for (const auto& one : result.classes) text += row(one.category, one.metrics.figures);
  return text + row("mean", result.mean.figures);
}

std::string scores_csv(const EvaluationResult& result) {
  std::string text = "path,class,label,score,text,visual,residual,mask\n";
  for (const auto& one : result.classes)
    for (const auto& image : one.images) {
      text += csv_cell(image.name) + "," + csv_cell(one.category) + (image.anomalous ? ",1" : ",0");
      for (const float score : {image.score, image.text, image.visual, image.residual})
        text += "," + csv_cell(score);
      text += "," + csv_cell(image.mask) + "\n";
    }
  return text;
}

void write_results(const Path& folder, const EvaluationResult& result, const Provenance& provenance,
                   const Json& settings, const std::string& settings_yaml, const std::string& references) {
  const std::string summary = results_json(result, provenance, settings);
  std::error_code failed;
  std::filesystem::remove(folder / "results.json", failed);
  if (failed)
    throw runtime_error((folder / "results.json").string() +
                        ": the old file cannot be removed: " + failed.message());
  write_file(folder / "settings.yaml", settings_yaml);
  write_file(folder / "references.json", references);
  write_file(folder / "scores.csv", scores_csv(result));
  write_file(folder / "results.csv", results_csv(result));
  write_file(folder / "results.json", summary);
}

}  // namespace res2clip
