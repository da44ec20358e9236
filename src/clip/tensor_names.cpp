#include "tensor_names.hpp"

#include <algorithm>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

bool any_starts_with(const TensorMap& tensors, const std::string& prefix) {
  const auto found = tensors.lower_bound(prefix);
  return found != tensors.end() && found->first.starts_with(prefix);
}

/// What DistributedDataParallel, torch.compile and Lightning put before all names.
void strip_wraps(TensorMap& tensors) {
  const auto shared_by_all = [&](const std::string& prefix) {
    return !tensors.empty() && std::all_of(tensors.begin(), tensors.end(), [&](const auto& entry) {
      return entry.first.starts_with(prefix);
    });
  };
  for (bool found = true; found;) {
    found = false;
    for (const std::string prefix : {"module.", "_orig_mod.", "model.", "clip_model.", "clip."}) {
      if (!shared_by_all(prefix)) continue;
      TensorMap stripped;
      for (auto& [name, tensor] : tensors) stripped[name.substr(prefix.size())] = std::move(tensor);
      tensors = std::move(stripped);
      found = true;
    }
  }
}

/// open_clip's `CustomTextCLIP` keeps the text tower's tensors under "text.".
void unwrap_text(TensorMap& tensors) {
  if (!tensors.contains("text.token_embedding.weight")) return;
  TensorMap unwrapped;
  for (auto& [name, tensor] : tensors)
    unwrapped[name.starts_with("text.") ? name.substr(5) : name] = std::move(tensor);
  tensors = std::move(unwrapped);
}

/// What a model is that is not a CLIP with a ViT image tower; empty if nothing tells.
std::string other_model(const TensorMap& tensors) {
  const auto has = [&](const char* name) { return tensors.contains(name); };
  const auto starts = [&](const char* prefix) { return any_starts_with(tensors, prefix); };
  if (has("vision_model.head.probe") || has("text_model.head.weight") ||
      (starts("visual.trunk.") && has("logit_bias")))
    return "is a SigLIP model, which has no class token and another text tower";
  if (has("visual.layer1.0.conv1.weight")) return "is a CLIP with a ResNet image tower";
  if (starts("visual.trunk.")) return "has an image tower of the timm library";
  if (starts("visual.blocks.")) return "has an EVA image tower";
  if (starts("text_decoder.")) return "is a CoCa model";
  if (starts("text.transformer.embeddings."))
    return "has a text tower of Hugging Face's library (BERT, RoBERTa, ...) instead of CLIP's";
  const bool image = starts("vision_model.") || starts("visual.");
  const bool text = starts("text_model.") || has("token_embedding.weight");
  if (image && !text && !starts("text")) return "is an image tower alone, without the text tower";
  if (text && !image) return "is a text tower alone, without the image tower";
  return "";
}

bool is_hugging_face(const TensorMap& tensors) {
  return tensors.contains("vision_model.embeddings.class_embedding") ||
         tensors.contains("visual_projection.weight");
}

}  // namespace

NamedTensors to_openai_names(TensorMap tensors, const std::string& source) {
  strip_wraps(tensors);
  const std::string other = other_model(tensors);
  if (!other.empty())
    throw data_error(source + ": " + other +
                     "; only CLIPs with a ViT image tower and CLIP's text tower are supported");
  if (is_hugging_face(tensors)) return {from_hugging_face(tensors, source), true};
  unwrap_text(tensors);
  return {std::move(tensors), false};
}

}  // namespace res2clip
