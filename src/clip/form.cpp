#include "form.hpp"

#include <cmath>
#include <cstdio>

#include "res2clip/clip/published_weights.hpp"
#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "card.hpp"

namespace res2clip {
namespace {

constexpr const char* kOpenClipConfig = "open_clip_config.json";
constexpr const char* kHuggingFaceConfig = "config.json";
constexpr const char* kHuggingFaceImages = "preprocessor_config.json";
/// In a safetensors file's metadata: the text that open_clip_config.json would hold.
constexpr const char* kMetadataKey = "open_clip_config";

constexpr std::uint64_t kLargestConfig = 1 << 20;

nlohmann::json read_config(const Path& path) {
  std::error_code failed;
  if (std::filesystem::file_size(path, failed) > kLargestConfig || failed)
    throw data_error(path.string() + ": is too large for a model's config");
  const auto json = parse_bounded(read_file(path));
  if (json.is_discarded()) throw data_error(path.string() + ": is not JSON");
  return json;
}

bool lies_there(const Path& path) {
  std::error_code failed;
  return std::filesystem::is_regular_file(path, failed);
}

FormDescription described_by_files_of_hugging_face(const Path& folder, const ClipSizes& sizes) {
  const Path config = folder / kHuggingFaceConfig, images = folder / kHuggingFaceImages;
  FormDescription found = describe_by_hugging_face(read_config(config), sizes, config.string());
  found.form_from = kHuggingFaceConfig;
  if (!lies_there(images)) return found;
  found.form.normalisation = normalisation_by_hugging_face(read_config(images), images.string());
  found.normalisation_from = kHuggingFaceImages;
  return found;
}

FormDescription described_by_open_clip(const nlohmann::json& config, const ClipSizes& sizes,
                                       const std::string& source, const std::string& name) {
  FormDescription found = describe_by_open_clip(config, sizes, source);
  found.form_from = name;
  if (found.normalisation_from == source) found.normalisation_from = name;
  return found;
}

std::string numbers(const std::array<double, 3>& values) {
  std::string text;
  for (const double value : values) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%g", text.empty() ? "" : ",", value);
    text += number;
  }
  return text;
}

/// Takes what is stated over what is described, and remarks on a contradiction.
class Settling {
 public:
  Settling(ClipWeights& weights, const std::string& described_by, const std::string& source)
      : weights_(weights), described_by_(described_by), source_(source) {}

  template <class Value, class Text>
  void take(const std::optional<Value>& stated, Value& value, const char* option, const Text& text) {
    if (!stated) return;
    if (!described_by_.empty() && *stated != value)
      weights_.remarks.push_back(source_ + ": " + option + " says " + text(*stated) + ", " + described_by_ +
                                 " says " + text(value) + "; the option is followed");
    value = *stated;
  }

 private:
  ClipWeights& weights_;
  const std::string& described_by_;
  const std::string& source_;
};

[[noreturn]] void refuse_unknown_form(const std::string& source, const StatedForm& stated) {
  std::string options;
  if (!stated.activation) options += " --activation quick_gelu (or gelu, gelu_tanh)";
  if (!stated.vision_head_width) options += " --head-width 64 (or 80, 88, 104, ...)";
  throw data_error(
      source +
      ": nothing tells how these weights are run: there is no open_clip_config.json (open_clip) or "
      "config.json (Hugging Face) beside them, and their checksum is not a known one. Put the config "
      "beside them, or state the form:" +
      options);
}

void require_sensible(const Normalisation& normalisation, const std::string& source) {
  for (std::size_t i = 0; i < 3; ++i)
    if (!(std::abs(normalisation.mean[i]) < 1e3) || !(normalisation.deviation[i] > 0.0) ||
        !(normalisation.deviation[i] < 1e3))
      throw data_error(source + ": images cannot be normalised by mean " + numbers(normalisation.mean) +
                       " and standard deviation " + numbers(normalisation.deviation));
}

}  // namespace

std::optional<FormDescription> find_description(const WeightSet& set, const std::string& sha256,
                                                const std::map<std::string, std::string>& metadata,
                                                const ClipSizes& sizes, bool hugging_face) {
  if (!published_weights(sha256).empty() || is_demo_backbone(sha256))
    return FormDescription{{}, "its checksum", "its checksum"};
  if (const auto own = metadata.find(kMetadataKey); own != metadata.end())
    return described_by_open_clip(parse_bounded(own->second), sizes, set.name + "'s metadata",
                                  "its metadata");
  const bool open_clip = lies_there(set.folder / kOpenClipConfig);
  if (lies_there(set.folder / kHuggingFaceConfig) && (hugging_face || !open_clip))
    return described_by_files_of_hugging_face(set.folder, sizes);
  if (!open_clip) return std::nullopt;
  const Path config = set.folder / kOpenClipConfig;
  return described_by_open_clip(read_config(config), sizes, config.string(), kOpenClipConfig);
}

void settle_form(ClipWeights& weights, const std::optional<FormDescription>& described,
                 const StatedForm& stated, const std::string& source) {
  if (!described && (!stated.activation || !stated.vision_head_width)) refuse_unknown_form(source, stated);
  if (described) weights.form = described->form;
  WeightsOrigin& origin = weights.origin;
  origin.form_from = described ? described->form_from : "";
  origin.normalisation_from = described ? described->normalisation_from : "";
  const std::string form_by = origin.form_from, colours_by = origin.normalisation_from;

  Settling form(weights, form_by, source), colours(weights, colours_by, source);
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  form.take(stated.activation, weights.form.activation, "--activation",
            [](Activation value) { return std::string(name_of(value)); });
  form.take(stated.vision_head_width, weights.form.vision_head_width, "--head-width", number);
  form.take(stated.text_head_width, weights.form.text_head_width, "--head-width", number);
  colours.take(stated.mean, weights.form.normalisation.mean, "--image-mean", numbers);
  colours.take(stated.deviation, weights.form.normalisation.deviation, "--image-std", numbers);
  if (stated.activation || stated.vision_head_width || stated.text_head_width)
    origin.form_from = form_by.empty() ? "options" : form_by + " and options";
  if (stated.mean || stated.deviation)
    origin.normalisation_from = colours_by.empty() ? "options" : colours_by + " and options";
  if (origin.normalisation_from.empty()) {
    origin.normalisation_from = "assumed";
    weights.remarks.push_back(
        source +
        ": nothing says how images are normalised for these weights; OpenAI's mean and standard "
        "deviation are assumed (--image-mean and --image-std state others)");
  }
  require_heads_fit(weights.sizes, weights.form, source);
  require_sensible(weights.form.normalisation, source);
}

}  // namespace res2clip
