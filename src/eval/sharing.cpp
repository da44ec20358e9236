#include "res2clip/eval/sharing.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

namespace res2clip {

// What travels between processes, as CBOR: it keeps every bit of a number, NaN too, and every byte of a name.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ImageResult, name, anomalous, score, text, visual, residual)

namespace {

using Json = nlohmann::json;

Json figures_json(const ClassMetrics& metrics) {
  Json figures = Json::array();
  for (const Figure& figure : metrics.figures)
    figures.push_back(figure.value ? Json(*figure.value) : Json(figure.reason));
  return figures;
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

std::string packed(const std::vector<ClassResult>& classes) {
  Json json = Json::array();
  for (const ClassResult& one : classes)
    json.push_back({{"category", one.category},
                    {"references", one.references},
                    {"figures", figures_json(one.metrics)},
                    {"count", one.metrics.images},
                    {"anomalous", one.metrics.anomalous_images},
                    {"images", one.images},
                    {"seconds", one.seconds}});
  const auto bytes = Json::to_cbor(json);
  return {bytes.begin(), bytes.end()};
}

std::vector<ClassResult> unpacked(const std::string& bytes) {
  std::vector<ClassResult> classes;
  for (const Json& json : Json::from_cbor(bytes))
    classes.push_back({json.at("category").get<std::string>(),
                       json.at("references").get<std::vector<std::string>>(), metrics_from(json),
                       json.at("images").get<std::vector<ImageResult>>(), json.at("seconds").get<double>()});
  return classes;
}

std::size_t images_of(const Dataset& dataset, const std::string& category) {
  const auto found = dataset.test.find(category);
  return found == dataset.test.end() ? 0 : found->second.size();
}

}  // namespace

Dataset share_of(const Dataset& dataset, int rank, int size) {
  std::vector<std::string> largest_first = dataset.categories;
  std::stable_sort(largest_first.begin(), largest_first.end(), [&](const auto& a, const auto& b) {
    return images_of(dataset, a) > images_of(dataset, b);
  });
  std::vector<std::size_t> load(static_cast<std::size_t>(size), 0);
  std::map<std::string, std::ptrdiff_t> owner;
  for (const auto& category : largest_first) {
    const auto least = std::min_element(load.begin(), load.end());
    owner[category] = least - load.begin();
    *least += images_of(dataset, category) + 1;  // and its references: about one more
  }
  Dataset share = dataset;
  std::erase_if(share.categories, [&](const auto& category) { return owner.at(category) != rank; });
  return share;
}

EvaluationResult gather_results(const EvaluationResult& own, const Dataset& dataset,
                                Communicator& processes) {
  std::map<std::string, ClassResult> found;
  for (const std::string& bytes : processes.gather(packed(own.classes), kPatience))
    for (ClassResult& one : unpacked(bytes)) {
      std::string category = one.category;
      found.emplace(std::move(category), std::move(one));
    }
  EvaluationResult whole;
  whole.mode = own.mode;
  std::vector<ClassMetrics> metrics;
  for (const auto& category : dataset.categories) {
    whole.classes.push_back(std::move(found.at(category)));
    metrics.push_back(whole.classes.back().metrics);
  }
  whole.mean = mean_over_classes(metrics);
  return whole;
}

}  // namespace res2clip
