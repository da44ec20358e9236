#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/metrics/metrics.hpp"

namespace res2clip {

/// A figure of the paper in percent.
struct PublishedFigure {
  double mean = 0.0;
  std::optional<double> deviation;  ///< over three runs with different references; none where none is given
};

/// A row of one of the paper's tables, its own method's or a baseline's: configs/published/figures.json.
struct PublishedResult {
  std::string source;   ///< "Table 6"
  std::string dataset;  ///< mvtec, visa, btad, mpdd or dtd; average: over the data sets of that table
  std::string method;   ///< "Res2CLIP", "WinCLIP+", ...
  bool fine_tuned = false;
  std::int64_t shots = 0;
  std::string setting;  ///< of an ablation, as "cosine" in Table 3; empty: none
  std::string note;     ///< what is uncertain or contradicts another table; empty: nothing
  std::array<std::optional<PublishedFigure>, kMetricCount> figures;  ///< none where the table has none

  const std::optional<PublishedFigure>& operator[](Metric metric) const {
    return figures[static_cast<std::size_t>(metric)];
  }
};

/// A data set of the paper (Table 5).
struct PublishedDataset {
  std::string name, title;                 ///< "mvtec", "MVTec AD"
  std::int64_t normal = 0, anomalous = 0;  ///< test images
  std::string trained_on;                  ///< name of the data set that adapters are trained on for it
  std::vector<std::string> classes;
};

/// All rows of Tables 1 to 4 and 6 to 12.
std::span<const PublishedResult> published_rows();
std::span<const PublishedDataset> published_datasets();

/// The data set that has these classes, in any order and whatever it is called, or null.
const PublishedDataset* published_dataset(std::vector<std::string> classes);

/// The row "Res2CLIP" of Tables 6 to 10, with all metrics and deviations, or null where the paper has none.
const PublishedResult* published_result(std::string_view dataset, bool fine_tuned, std::int64_t shots);

/// What names an ablation's row: {"Table 3", "cosine"}.
struct PublishedSetting {
  std::string source;
  std::string setting;
};
/// Its row, or null where the paper has none.
const PublishedResult* published_ablation(const PublishedSetting& setting, std::string_view dataset,
                                          bool fine_tuned);

/// What decides whether a run may be compared with the paper.
struct ComparedRun {
  std::string dataset;                  ///< the name that the user gave it
  std::vector<std::string> categories;  ///< its classes
  std::int64_t normal_images = 0;       ///< test images
  std::int64_t anomalous_images = 0;
  bool fine_tuned = false;
  std::int64_t shots = 0;
  std::int64_t image_size = 0;
  MetricOptions metrics;
  std::string backbone_differs;               ///< from differs_from_papers_backbone
  std::vector<std::string> changed_settings;  ///< "retrieval.gamma": those that are not the profile's
  std::vector<std::string> trained_on;        ///< classes that the checkpoint was trained on; empty: unknown
  /// The row of an ablation to compare with; no source: that of Tables 6 to 10.
  PublishedSetting ablation;
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
