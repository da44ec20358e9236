#include "res2clip/clip/model_card.hpp"

#include <cstdio>

#include "res2clip/clip/published_weights.hpp"

namespace res2clip {
namespace {

std::string known_name(const std::string& sha256) {
  if (const auto name = published_weights(sha256); !name.empty())
    return "that of OpenAI's " + std::string(name);
  return is_demo_backbone(sha256) ? "that of this project's demo-clip.safetensors"
                                  : "not a checksum this program knows";
}

std::string colours_text(const Normalisation& normalisation) {
  if (normalisation == Normalisation{}) return "OpenAI's mean and standard deviation";
  std::string text;
  for (const auto& [what, values] : {std::pair{"mean", normalisation.mean},
                                     std::pair{" and standard deviation", normalisation.deviation}}) {
    text += what;
    for (const double value : values) {
      char number[32];
      std::snprintf(number, sizeof number, " %g", value);
      text += number;
    }
  }
  return text;
}

}  // namespace

std::string describe_form(const ClipForm& form, const WeightsOrigin& origin) {
  const auto told_by = [](const std::string& who) {
    return who.empty() ? std::string() : " (" + (who == "assumed" ? who : "from " + who) + ")";
  };
  return std::string(name_of(form.activation)) + ", attention heads " +
         std::to_string(form.vision_head_width) + " wide in the image tower and " +
         std::to_string(form.text_head_width) + " in the text tower" + told_by(origin.form_from) + "; " +
         colours_text(form.normalisation) + told_by(origin.normalisation_from);
}

std::string describe_weights(const WeightsOrigin& origin, const ClipSizes& sizes) {
  return origin.name + ": ViT with " + std::to_string(sizes.vision_layers) + " blocks of width " +
         std::to_string(sizes.vision_width) + ", patches of " + std::to_string(sizes.patch_size) +
         " px, native size " + std::to_string(sizes.native_size) + " px, embedding " +
         std::to_string(sizes.embed_dim) + "; sha256 " + origin.sha256 + " (" + known_name(origin.sha256) +
         ")";
}

}  // namespace res2clip
