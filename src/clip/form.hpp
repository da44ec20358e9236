#pragma once

#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "res2clip/clip/weights.hpp"

#include "weight_set.hpp"

namespace res2clip {

/// What a description says of how weights are run.
struct FormDescription {
  ClipForm form;
  std::string form_from;           // who said so
  std::string normalisation_from;  // likewise of mean and deviation; empty: nobody, OpenAI's are assumed
};

/// From the config of open_clip (`open_clip_config.json`, or a model's own file of its library), which must
/// be that of a CLIP of these sizes. Throws a data error otherwise, and for what it asks of the towers that
/// is not supported. `source` names it.
FormDescription describe_by_open_clip(const nlohmann::json& config, const ClipSizes& sizes,
                                      const std::string& source);

/// From the config.json of Hugging Face's `CLIPModel`; the same.
FormDescription describe_by_hugging_face(const nlohmann::json& config, const ClipSizes& sizes,
                                         const std::string& source);
/// From Hugging Face's preprocessor_config.json: mean and deviation.
Normalisation normalisation_by_hugging_face(const nlohmann::json& config, const std::string& source);

/// What is known of weights by their checksum, their own metadata, or a config that lies beside them; none if
/// nothing of it is there.
std::optional<FormDescription> find_description(const WeightSet& set, const std::string& sha256,
                                                const std::map<std::string, std::string>& metadata,
                                                const ClipSizes& sizes, bool hugging_face);

/// How the weights are run: what is stated, else what is described. Throws a data error if neither tells,
/// with the options that do. Remarks are on what is assumed or contradicted.
void settle_form(ClipWeights& weights, const std::optional<FormDescription>& described,
                 const StatedForm& stated, const std::string& source);

}  // namespace res2clip
