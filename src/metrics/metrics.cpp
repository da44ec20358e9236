#include "res2clip/metrics/metrics.hpp"

namespace res2clip {

std::string_view name_of(Metric metric) {
  static constexpr std::array<std::string_view, kMetricCount> names = {"I-AUROC", "I-AP", "I-F1", "P-AUROC",
                                                                       "P-AP",    "P-F1", "AUPRO"};
  return names[static_cast<std::size_t>(metric)];
}

MetricValues values_of(const ClassMetrics& metrics) {
  MetricValues values;
  for (std::size_t i = 0; i < kMetricCount; ++i) values[i] = metrics.figures[i].value;
  return values;
}

MetricValues values_of(const MeanMetrics& mean) {
  MetricValues values;
  for (std::size_t i = 0; i < kMetricCount; ++i) values[i] = mean.figures[i].value;
  return values;
}

MeanMetrics mean_over_classes(std::span<const ClassMetrics> classes) {
  MeanMetrics mean;
  mean.classes = static_cast<std::int64_t>(classes.size());
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    double sum = 0.0;
    for (const auto& metrics : classes) {
      if (!metrics.figures[i].value) continue;
      sum += *metrics.figures[i].value;
      ++mean.figures[i].counted;
    }
    if (mean.figures[i].counted > 0)
      mean.figures[i].value = sum / static_cast<double>(mean.figures[i].counted);
  }
  return mean;
}

}  // namespace res2clip
