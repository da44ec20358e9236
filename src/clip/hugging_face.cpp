#include <set>
#include <vector>

#include <ATen/ops/cat.h>

#include "res2clip/core/error.hpp"

#include "tensor_names.hpp"

namespace res2clip {
namespace {

/// The parts of a block whose tensors the two name differently, without the ending weight or bias.
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

/// Tensors on their way from Hugging Face's names to OpenAI's.
struct Renaming {
  TensorMap left;  ///< those without a new name yet
  TensorMap renamed;

  void rename(const std::string& theirs, const std::string& ours) {
    if (auto tensor = left.extract(theirs)) renamed[ours] = tensor.mapped();
  }
  void rename_transposed(const std::string& theirs, const std::string& ours) {
    rename(theirs, ours);
    const auto found = renamed.find(ours);
    if (found != renamed.end() && found->second.dim() == 2) found->second = found->second.t();
  }
};

/// The numbers of a tower's blocks, as they stand in the names.
std::set<std::string> blocks_of(const TensorMap& tensors, const std::string& tower) {
  std::set<std::string> blocks;
  for (const auto& [name, tensor] : tensors)
    if (const auto dot = name.find('.', tower.size()); name.starts_with(tower) && dot != std::string::npos)
      blocks.insert(name.substr(tower.size(), dot - tower.size()));
  return blocks;
}

/// Query, key and value are one tensor under OpenAI's names.
void join_attention(Renaming& renaming, const std::string& theirs, const std::string& ours,
                    const std::string& kind, const std::string& source) {
  const auto part_name = [&](char part) { return theirs + "self_attn." + part + "_proj." + kind; };
  std::vector<at::Tensor> parts;
  std::string missing;
  for (const char part : {'q', 'k', 'v'})
    if (auto tensor = renaming.left.extract(part_name(part)))
      parts.push_back(tensor.mapped());
    else
      missing = part_name(part);
  if (parts.empty()) return;  // reported as missing under OpenAI's name
  if (parts.size() < 3) throw data_error(source + ": tensor " + missing + " is missing");
  for (const auto& part : parts)
    if (part.dim() == 0 || part.sizes() != parts.front().sizes())
      throw data_error(source + ": tensor " + part_name('q') +
                       " and those of key and value are misshapen: the three must be of one shape");
  renaming.renamed[ours + "attn.in_proj_" + kind] = at::cat(parts);
}

void rename_tower(Renaming& renaming, const std::string& theirs, const std::string& ours,
                  const std::string& source) {
  for (const auto& block : blocks_of(renaming.left, theirs)) {
    const std::string their_block = theirs + block + ".", our_block = ours + block + ".";
    for (const std::string kind : {"weight", "bias"}) {
      for (const auto& [their_part, our_part] : kBlockNames)
        renaming.rename(their_block + their_part + kind, our_block + our_part + kind);
      join_attention(renaming, their_block, our_block, kind, source);
    }
  }
}

/// The name of a block's tensor after "resblocks.N.".
std::string block_part_name(const std::string& part) {
  if (part.starts_with("attn.in_proj_")) return "self_attn.{q,k,v}_proj." + part.substr(13);
  for (const auto& [theirs, ours] : kBlockNames)
    if (part.starts_with(ours)) return theirs + part.substr(std::string(ours).size());
  return part;
}

}  // namespace

std::string hugging_face_name(const std::string& name) {
  if (name == "text_projection" || name == "visual.proj")
    return name == "visual.proj" ? "visual_projection.weight" : "text_projection.weight";
  for (const auto& [theirs, ours] : kSingleNames)
    if (name == ours) return theirs;
  for (const auto& [ours, theirs] :
       {std::pair{"visual.transformer.resblocks.", "vision_model.encoder.layers."},
        std::pair{"transformer.resblocks.", "text_model.encoder.layers."}}) {
    if (!name.starts_with(ours)) continue;
    const std::string rest = name.substr(std::string(ours).size());
    const auto dot = rest.find('.') + 1;
    return theirs + rest.substr(0, dot) + block_part_name(rest.substr(dot));
  }
  return name;
}

TensorMap from_hugging_face(const TensorMap& tensors, const std::string& source) {
  Renaming renaming{tensors, {}};
  for (const auto& [theirs, ours] : kSingleNames) renaming.rename(theirs, ours);
  renaming.rename_transposed("text_projection.weight", "text_projection");
  renaming.rename_transposed("visual_projection.weight", "visual.proj");
  rename_tower(renaming, "vision_model.encoder.layers.", "visual.transformer.resblocks.", source);
  rename_tower(renaming, "text_model.encoder.layers.", "transformer.resblocks.", source);
  renaming.renamed.merge(
      renaming.left);  // under their own names, by which the check of the whole set calls them
  return std::move(renaming.renamed);
}

}  // namespace res2clip
