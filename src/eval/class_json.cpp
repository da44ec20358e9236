#include "class_json.hpp"

namespace res2clip {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ImageResult, name, anomalous, score, text, visual, residual, mask)

using Json = nlohmann::json;

Json metrics_json(const ClassMetrics& metrics) {
  Json figures = Json::array();
  for (const Figure& figure : metrics.figures)
    figures.push_back(figure.value ? Json(*figure.value) : Json(figure.reason));
  return {
      {"figures", std::move(figures)}, {"count", metrics.images}, {"anomalous", metrics.anomalous_images}};
}

ClassMetrics metrics_from(const Json& json) {
  ClassMetrics metrics;
  metrics.images = json.at("count").get<std::int64_t>();
  metrics.anomalous_images = json.at("anomalous").get<std::int64_t>();
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const Json& figure = json.at("figures").at(i);
    metrics.figures[i] =
        figure.is_string() ? Figure::none(figure.get<std::string>()) : Figure::of(figure.get<double>());
  }
  return metrics;
}

Json class_json(const ClassResult& result) {
  return {{"category", result.category},
          {"references", result.references},
          {"metrics", metrics_json(result.metrics)},
          {"images", result.images},
          {"seconds", result.seconds}};
}

ClassResult class_from(const Json& json) {
  return {json.at("category").get<std::string>(), json.at("references").get<std::vector<std::string>>(),
          metrics_from(json.at("metrics")), json.at("images").get<std::vector<ImageResult>>(),
          json.at("seconds").get<double>()};
}

}  // namespace res2clip
