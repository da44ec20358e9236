#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/eval/evaluator.hpp"

namespace res2clip {

/// What an evaluation was made with, as its result files say it.
struct Provenance {
  std::string dataset;  ///< mvtec, visa, ..., folder, meta
  Path data_root;
  std::int64_t shots = 0;
  bool fine_tuned = false;
  std::string backbone_name;
  std::string backbone_checksum;  ///< Backbone::checksum()
  std::string weights_sha256;     ///< of the weights that the backbone was exported from
  bool weights_verified = false;
  Path checkpoint;                ///< empty where there is none
  std::string checkpoint_sha256;  ///< empty where there is none
};

/// The part of a Provenance that the backbone knows.
void describe_backbone(Provenance& provenance, const ModelCard& card, const std::string& checksum);

/// results.json: version, provenance, settings, and per class and for the mean the seven metrics (fractions
/// of 1; null where there is none, with the reason beside it), the references, the paper's numbers or why
/// they are not comparable, the remarks on the data set, and which images were left out and why.
std::string results_json(const EvaluationResult& result, const Provenance& provenance,
                         const nlohmann::ordered_json& settings);

/// results.csv: a row per class and one for the mean; an empty cell where there is no figure.
std::string results_csv(const EvaluationResult& result);

/// scores.csv: path, class, label (0 or 1), score, text, visual, residual; one row per image.
std::string scores_csv(const EvaluationResult& result);

/// Writes results.json, results.csv, scores.csv, settings.yaml and references.json, each whole or not at all,
/// and results.json last: a folder with a results.json is complete. `settings_yaml` is what runs the same
/// again, `references` the text of a references file.
void write_results(const Path& folder, const EvaluationResult& result, const Provenance& provenance,
                   const nlohmann::ordered_json& settings, const std::string& settings_yaml,
                   const std::string& references);

}  // namespace res2clip
