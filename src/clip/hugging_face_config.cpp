// How Hugging Face describes a model: the fields of its CLIPVisionConfig and CLIPTextConfig, and their
// defaults.
#include <cmath>

#include "res2clip/core/error.hpp"

#include "config_object.hpp"
#include "form.hpp"

namespace res2clip {
namespace {

using nlohmann::json;

/// A tower's config. Older files name some fields a second time, in an object that then prevails.
ConfigObject tower_of(const ConfigObject& file, const std::string& name, const std::string& source) {
  json fields = file.object((name + "_config").c_str()).json();
  fields.update(file.object((name + "_config_dict").c_str()).json());
  return {std::move(fields), source, name + "_config."};
}

Activation activation_of(const ConfigObject& tower) {
  const std::string name = tower.text("hidden_act", "quick_gelu");
  if (name == "quick_gelu") return Activation::quick_gelu;
  if (name == "gelu" || name == "gelu_python") return Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return Activation::gelu_tanh;
  tower.refuse("hidden_act", ", which is not supported; quick_gelu, gelu and gelu_pytorch_tanh are");
}

std::int64_t head_width(const ConfigObject& tower, std::int64_t usual_heads, std::int64_t width) {
  const std::int64_t heads = tower.integer("num_attention_heads", usual_heads);
  if (heads < 1 || width % heads != 0)
    tower.refuse("num_attention_heads", ", which does not divide the width " + std::to_string(width));
  return width / heads;
}

void require_usual_norms(const ConfigObject& tower) {
  if (tower.number("layer_norm_eps", 1e-5) != 1e-5)
    tower.refuse("layer_norm_eps", ", which is not supported; only 1e-05 is");
}

}  // namespace

FormDescription describe_by_hugging_face(const json& config, const ClipSizes& sizes,
                                         const std::string& source) {
  const ConfigObject file(config, source, "");
  if (file.text("model_type", "clip") != "clip")
    file.refuse("model_type", ", which is not supported; only \"clip\" is");
  const ConfigObject vision = tower_of(file, "vision", source), text = tower_of(file, "text", source);
  vision.require_size("hidden_size", 768, sizes.vision_width);
  vision.require_size("num_hidden_layers", 12, sizes.vision_layers);
  vision.require_size("patch_size", 32, sizes.patch_size);
  text.require_size("hidden_size", 512, sizes.text_width);
  text.require_size("num_hidden_layers", 12, sizes.text_layers);
  require_usual_norms(vision);
  require_usual_norms(text);
  const Activation activation = activation_of(vision);
  if (activation_of(text) != activation)
    text.refuse("hidden_act", ", other than the image tower's, which is not supported");
  return {{activation, head_width(vision, 12, sizes.vision_width), head_width(text, 8, sizes.text_width), {}},
          source,
          ""};
}

Normalisation normalisation_by_hugging_face(const json& config, const std::string& source) {
  const ConfigObject file(config, source, "");
  if (!file.flag("do_normalize", true)) return {{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}};
  if (!file.flag("do_rescale", true) ||
      std::abs(file.number("rescale_factor", 1.0 / 255.0) - 1.0 / 255.0) > 1e-6)
    throw data_error(source + ": images are not divided by 255 there, which is not supported");
  const Normalisation usual;
  return {file.colour("image_mean", usual.mean), file.colour("image_std", usual.deviation)};
}

}  // namespace res2clip
