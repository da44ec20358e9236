#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "res2clip/metrics/metrics.hpp"

namespace res2clip {

/// A figure of the paper in percent, over three runs with different references.
struct PublishedFigure {
  double mean = 0.0;
  double deviation = 0.0;
};

/// A row "Res²CLIP" of the paper's Tables 6 to 10.
struct PublishedResult {
  std::string_view dataset;  ///< mvtec, visa, btad, mpdd or dtd
  bool fine_tuned = false;
  std::int64_t shots = 0;
  std::array<PublishedFigure, kMetricCount> figures;

  const PublishedFigure& operator[](Metric metric) const { return figures[static_cast<std::size_t>(metric)]; }
};

/// All 30 rows: five data sets, training-free and fine-tuned, 1, 2 and 4 shots.
std::span<const PublishedResult> published_results();

/// The row for a run, or null where the paper has none. `classes` is how many classes the run covers: a part
/// of a data set has no published figures.
const PublishedResult* published_result(std::string_view dataset, bool fine_tuned, std::int64_t shots,
                                        std::int64_t classes);

}  // namespace res2clip
