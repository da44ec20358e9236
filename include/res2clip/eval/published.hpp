#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "res2clip/clip/backbone.hpp"
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

/// The row of a data set, or null where the paper has none.
const PublishedResult* published_result(std::string_view dataset, bool fine_tuned, std::int64_t shots);

/// What decides whether a run may be compared with the paper.
struct ComparedRun {
  std::string dataset;                  ///< the name that the user gave it
  std::vector<std::string> categories;  ///< its classes
  std::int64_t normal_images = 0;       ///< test images
  std::int64_t anomalous_images = 0;
  bool fine_tuned = false;
  std::int64_t shots = 0;
  std::int64_t image_size = 0;
  MetricMode metrics = MetricMode::released;
  std::string backbone_differs;               ///< from differs_from_papers_backbone
  std::vector<std::string> changed_settings;  ///< "retrieval.gamma": those that are not the profile's
  std::vector<std::string> trained_on;        ///< classes that the checkpoint was trained on; empty: unknown
};

/// The paper's numbers for a run, or why there are none.
struct PaperComparison {
  const PublishedResult* row = nullptr;
  std::string why_not;  ///< one line; empty with a row, and for data that have nothing to do with the paper's
};

/// Compares a run with what the paper evaluated: the classes and counts of test images of Table 5, whatever
/// the data set is called; CLIP ViT-L/14@336px of OpenAI at 518 px; the auxiliary data of Table 5; released
/// metrics; a profile's settings.
PaperComparison compare_with_paper(const ComparedRun& run);

/// How a backbone differs from the paper's, as a short text; empty: it does not. `vv_blocks` is what the
/// profile exports of 24 blocks.
std::string differs_from_papers_backbone(const ModelCard& card, std::int64_t vv_blocks);

}  // namespace res2clip
