// How open_clip describes a model: the fields of its CLIPVisionCfg and CLIPTextCfg, and their defaults.
#include <set>

#include "res2clip/core/error.hpp"

#include "config_object.hpp"
#include "form.hpp"

namespace res2clip {
namespace {

using nlohmann::json;

/// Fields that change what a tower computes, with the only value that is run here.
const std::map<std::string, json>& usual_values() {
  static const std::map<std::string, json> values = {{"ls_init_value", nullptr},
                                                     {"attentional_pool", false},
                                                     {"no_ln_pre", false},
                                                     {"pos_embed_type", "learnable"},
                                                     {"final_ln_after_pool", false},
                                                     {"block_type", "default"},
                                                     {"qk_norm", false},
                                                     {"scaled_cosine_attn", false},
                                                     {"scale_heads", false},
                                                     {"scale_attn_inner", false},
                                                     {"scale_attn", false},
                                                     {"scale_fc", false},
                                                     {"timm_model_name", nullptr},
                                                     {"input_patchnorm", false},
                                                     {"global_average_pool", false},
                                                     {"hf_model_name", nullptr},
                                                     {"hf_tokenizer_name", nullptr},
                                                     {"tokenizer_mode", nullptr},
                                                     {"tokenizer_kwargs", nullptr},
                                                     {"embed_cls", false},
                                                     {"no_causal_mask", false},
                                                     {"proj_bias", false},
                                                     {"proj_type", "linear"}};
  return values;
}

/// Fields that change nothing of what is computed here, or that are read elsewhere in this file.
const std::set<std::string>& free_fields() {
  static const std::set<std::string> fields = {"layers",
                                               "width",
                                               "head_width",
                                               "heads",
                                               "mlp_ratio",
                                               "patch_size",
                                               "image_size",
                                               "patch_dropout",
                                               "act_kwargs",
                                               "norm_kwargs",
                                               "context_length",
                                               "vocab_size",
                                               "pad_id",
                                               "eos_id",
                                               "output_tokens",
                                               "attn_pooler_queries",
                                               "attn_pooler_heads",
                                               "pool_type",
                                               "timm_model_pretrained",
                                               "timm_pool",
                                               "timm_proj",
                                               "timm_proj_bias",
                                               "timm_drop",
                                               "timm_drop_path",
                                               "hf_model_pretrained",
                                               "hf_proj_type",
                                               "hf_pooler_type"};
  return fields;
}

bool says_nothing(const json& value) {
  return value.is_null() || value == false;
}

void require_usual_fields(const ConfigObject& tower, const char* usual_pool) {
  for (const auto& [key, value] : tower.json().items()) {
    const auto usual = usual_values().find(key);
    if (usual != usual_values().end() ? value == usual->second || says_nothing(value)
                                      : free_fields().contains(key) || says_nothing(value))
      continue;
    tower.refuse(key.c_str(), ", which is not supported; only CLIPs as OpenAI built them are");
  }
  if (tower.text("pool_type", usual_pool) != usual_pool)
    tower.refuse("pool_type", std::string(", which is not supported; only \"") + usual_pool + "\" is");
  if (tower.object("norm_kwargs").number("eps", 1e-5) != 1e-5)
    tower.refuse("norm_kwargs", ", which is not supported; only norms with an epsilon of 1e-5 are");
}

Activation activation_of(const ConfigObject& tower, bool quick) {
  const std::string approximate = tower.object("act_kwargs").text("approximate", "none");
  if (approximate != "none" && (approximate != "tanh" || quick))
    tower.refuse("act_kwargs", ", which is not supported with " + std::string(quick ? "quick_gelu" : "GELU"));
  if (quick) return Activation::quick_gelu;
  return approximate == "tanh" ? Activation::gelu_tanh : Activation::gelu;
}

void require_image_tower(const ConfigObject& vision, const ClipSizes& sizes) {
  if (vision.has("layers") && vision.json()["layers"].is_array())
    vision.refuse("layers", ": a ResNet image tower, which is not supported; only ViT towers are");
  require_usual_fields(vision, "tok");
  vision.require_size("width", 768, sizes.vision_width);
  vision.require_size("layers", 12, sizes.vision_layers);
  vision.require_size("patch_size", 16, sizes.patch_size);
}

std::int64_t text_head_width(const ConfigObject& text, const ClipSizes& sizes) {
  require_usual_fields(text, "argmax");
  text.require_size("width", 512, sizes.text_width);
  text.require_size("layers", 12, sizes.text_layers);
  const std::int64_t heads = text.integer("heads", 8);
  if (heads < 1 || sizes.text_width % heads != 0)
    text.refuse("heads", ", which does not divide the width " + std::to_string(sizes.text_width));
  return sizes.text_width / heads;
}

}  // namespace

FormDescription describe_by_open_clip(const json& config, const ClipSizes& sizes, const std::string& source) {
  const ConfigObject file(config, source, "");
  const ConfigObject model = file.has("model_cfg") ? file.object("model_cfg") : file;
  if (!model.has("vision_cfg") || !model.has("text_cfg"))
    throw data_error(source + ": is not a config of open_clip: it has no vision_cfg or no text_cfg");
  if (model.has("multimodal_cfg")) model.refuse("multimodal_cfg", ": a CoCa model, which is not supported");
  model.require_size("embed_dim", 0, sizes.embed_dim);
  const ConfigObject vision = model.object("vision_cfg"), text = model.object("text_cfg");
  require_image_tower(vision, sizes);
  const bool quick = model.flag("quick_gelu", false);
  FormDescription found{
      {activation_of(vision, quick), vision.integer("head_width", 64), text_head_width(text, sizes), {}},
      source,
      "open_clip's default"};
  if (activation_of(text, quick) != found.form.activation)
    text.refuse("act_kwargs", ", other than the image tower's, which is not supported");
  const ConfigObject images = file.object("preprocess_cfg");
  const Normalisation usual;
  found.form.normalisation = {images.colour("mean", usual.mean), images.colour("std", usual.deviation)};
  if (images.has("mean") || images.has("std")) found.normalisation_from = source;
  return found;
}

}  // namespace res2clip
