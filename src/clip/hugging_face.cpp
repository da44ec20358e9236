#include <ATen/ops/cat.h>

#include "res2clip/core/error.hpp"

#include "tensor_files.hpp"

namespace res2clip {
namespace {

/// The part of a block's tensor names that both agree on, and its name in either.
constexpr std::pair<const char*, const char*> kBlockNames[] = {{"self_attn.out_proj.", "attn.out_proj."},
                                                               {"mlp.fc1.", "mlp.c_fc."},
                                                               {"mlp.fc2.", "mlp.c_proj."},
                                                               {"layer_norm1.", "ln_1."},
                                                               {"layer_norm2.", "ln_2."}};

constexpr std::pair<const char*, const char*> kSingleNames[] = {
    {"logit_scale", "logit_scale"},
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
    {"text_model.final_layer_norm.weight", "ln_final.weight"},
    {"text_model.final_layer_norm.bias", "ln_final.bias"},
    {"vision_model.embeddings.class_embedding", "visual.class_embedding"},
    {"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"},
    {"vision_model.pre_layrnorm.weight", "visual.ln_pre.weight"},  // the misspelling is theirs
    {"vision_model.pre_layrnorm.bias", "visual.ln_pre.bias"},
    {"vision_model.post_layernorm.weight", "visual.ln_post.weight"},
    {"vision_model.post_layernorm.bias", "visual.ln_post.bias"}};

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

/// A block's tensor, or nothing where it is one of q, k and v, which are joined afterwards.
void add_block_tensor(TensorMap& renamed, const std::string& prefix, const std::string& rest,
                      const at::Tensor& tensor) {
  for (const auto& [theirs, ours] : kBlockNames)
    if (starts_with(rest, theirs)) renamed[prefix + ours + rest.substr(std::string(theirs).size())] = tensor;
}

void join_attention(TensorMap& renamed, const TensorMap& tensors, const std::string& theirs,
                    const std::string& ours) {
  for (const std::string kind : {"weight", "bias"}) {
    std::vector<at::Tensor> parts;
    for (const char part : {'q', 'k', 'v'}) {
      const auto found = tensors.find(theirs + "self_attn." + part + "_proj." + kind);
      if (found != tensors.end()) parts.push_back(found->second);
    }
    // An incomplete set stays out, and is reported as missing under OpenAI's name.
    if (parts.size() == 3 && parts[0].sizes() == parts[1].sizes() && parts[0].sizes() == parts[2].sizes())
      renamed[ours + "attn.in_proj_" + kind] = at::cat(parts);
  }
}

}  // namespace

bool is_hugging_face(const TensorMap& tensors) {
  return tensors.contains("vision_model.embeddings.class_embedding") ||
         tensors.contains("visual_projection.weight");
}

TensorMap from_hugging_face(const TensorMap& tensors, const std::string& source) {
  TensorMap renamed;
  std::string unknown;
  for (const auto& [theirs, ours] : kSingleNames)
    if (const auto found = tensors.find(theirs); found != tensors.end()) renamed[ours] = found->second;
  for (const auto& [theirs, ours] :
       {std::pair("text_projection.weight", "text_projection"), {"visual_projection.weight", "visual.proj"}})
    if (const auto found = tensors.find(theirs); found != tensors.end())
      renamed[ours] = found->second.t().contiguous();
  for (const auto& [tower, ours] :
       {std::pair<std::string, std::string>("vision_model.encoder.layers.", "visual.transformer.resblocks."),
        {"text_model.encoder.layers.", "transformer.resblocks."}}) {
    for (const auto& [name, tensor] : tensors) {
      if (!starts_with(name, tower)) continue;
      const auto dot = name.find('.', tower.size());
      if (dot == std::string::npos) continue;
      const std::string block = name.substr(tower.size(), dot - tower.size());
      add_block_tensor(renamed, ours + block + ".", name.substr(dot + 1), tensor);
      if (name.substr(dot + 1) == "self_attn.q_proj.weight")
        join_attention(renamed, tensors, tower + block + ".", ours + block + ".");
    }
  }
  if (renamed.empty()) throw data_error(source + ": holds no tensors of a Hugging Face CLIPModel");
  return renamed;
}

}  // namespace res2clip
