#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "res2clip/metrics/options.hpp"

namespace res2clip {

/// The seven metrics of a class, in the order of the published tables.
enum class Metric : std::size_t {
  image_auroc,  ///< area under the ROC curve of image scores
  image_ap,     ///< average precision of image scores (step sum)
  image_f1,     ///< largest F1 of image scores over all thresholds
  pixel_auroc,
  pixel_ap,
  pixel_f1,
  /// Per-region overlap integrated to a false-positive rate (MetricOptions::pro_limit), divided by it;
  /// 8-connected regions.
  aupro,
};

inline constexpr std::size_t kMetricCount = 7;
inline constexpr std::array<Metric, kMetricCount> kMetrics = {
    Metric::image_auroc, Metric::image_ap, Metric::image_f1, Metric::pixel_auroc,
    Metric::pixel_ap,    Metric::pixel_f1, Metric::aupro};

/// "I-AUROC", "I-AP", "I-F1", "P-AUROC", "P-AP", "P-F1", "AUPRO".
std::string_view name_of(Metric metric);

/// A figure in [0, 1], or nothing and the reason why there is none.
struct Figure {
  std::optional<double> value;
  std::string reason;  ///< empty where there is a value

  static Figure of(double value) { return {value, {}}; }
  static Figure none(std::string reason) { return {std::nullopt, std::move(reason)}; }
};

struct ClassMetrics {
  std::array<Figure, kMetricCount> figures;
  std::int64_t images = 0;
  std::int64_t anomalous_images = 0;

  Figure& operator[](Metric metric) { return figures[static_cast<std::size_t>(metric)]; }
  const Figure& operator[](Metric metric) const { return figures[static_cast<std::size_t>(metric)]; }
};

/// A mean over classes of equal weight; classes without the figure are left out.
struct MeanFigure {
  std::optional<double> value;  ///< nothing where no class has the figure
  std::int64_t counted = 0;     ///< how many classes have it
};

struct MeanMetrics {
  std::array<MeanFigure, kMetricCount> figures;
  std::int64_t classes = 0;

  const MeanFigure& operator[](Metric metric) const { return figures[static_cast<std::size_t>(metric)]; }
};

MeanMetrics mean_over_classes(std::span<const ClassMetrics> classes);

}  // namespace res2clip
