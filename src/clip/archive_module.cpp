#include "archive_module.hpp"

#include <caffe2/serialize/inline_container.h>
#include <set>
#include <sstream>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "res2clip/core/error.hpp"

#include "program.hpp"

namespace res2clip {
namespace {

/// Archive name of a stacked weight and OpenAI's name inside a block.
constexpr std::pair<const char*, const char*> kBlockTensors[] = {
    {"ln_1_weight", "ln_1.weight"},         {"ln_1_bias", "ln_1.bias"},
    {"in_weight", "attn.in_proj_weight"},   {"in_bias", "attn.in_proj_bias"},
    {"out_weight", "attn.out_proj.weight"}, {"out_bias", "attn.out_proj.bias"},
    {"ln_2_weight", "ln_2.weight"},         {"ln_2_bias", "ln_2.bias"},
    {"fc_weight", "mlp.c_fc.weight"},       {"fc_bias", "mlp.c_fc.bias"},
    {"proj_weight", "mlp.c_proj.weight"},   {"proj_bias", "mlp.c_proj.bias"}};

constexpr std::pair<const char*, const char*> kSingleTensors[] = {
    {"convolution", "visual.conv1.weight"},
    {"class_embedding", "visual.class_embedding"},
    {"vision_positions", "visual.positional_embedding"},
    {"ln_pre_weight", "visual.ln_pre.weight"},
    {"ln_pre_bias", "visual.ln_pre.bias"},
    {"ln_post_weight", "visual.ln_post.weight"},
    {"ln_post_bias", "visual.ln_post.bias"},
    {"vision_projection", "visual.proj"},
    {"token_embedding", "token_embedding.weight"},
    {"text_positions", "positional_embedding"},
    {"ln_final_weight", "ln_final.weight"},
    {"ln_final_bias", "ln_final.bias"},
    {"text_projection", "text_projection"}};

constexpr std::pair<const char*, const char*> kTowers[] = {{"vision_", "visual."}, {"text_", ""}};

std::string block_name(const std::string& tower, std::int64_t block, const std::string& tensor) {
  return tower + "transformer.resblocks." + std::to_string(block) + "." + tensor;
}

std::int64_t layers_of(const ClipSizes& sizes, const std::string& tower) {
  return tower == "visual." ? sizes.vision_layers : sizes.text_layers;
}

/// Code looks at names and types of tensors alone.
ArchiveTensors empty_tensors() {
  ArchiveTensors tensors;
  for (const auto& [ours, theirs] : kSingleTensors) tensors[ours] = at::empty({0});
  for (const auto& [ours, theirs] : kBlockTensors)
    for (const auto& [prefix, tower] : kTowers) tensors[std::string(prefix) + ours] = at::empty({0});
  return tensors;
}

/// What is written for each archive anew.
bool is_content(const std::string& member) {
  return member == "data.pkl" || member == ".data/serialization_id" || member.starts_with("data/");
}

}  // namespace

ArchiveTensors archive_tensors(const ClipWeights& weights) {
  ArchiveTensors named;
  for (const auto& [ours, theirs] : kSingleTensors) named[ours] = weights.tensors.at(theirs);
  for (const auto& [prefix, tower] : kTowers)
    for (const auto& [ours, theirs] : kBlockTensors) {
      std::vector<at::Tensor> blocks;
      for (std::int64_t block = 0; block < layers_of(weights.sizes, tower); ++block)
        blocks.push_back(weights.tensors.at(block_name(tower, block, theirs)));
      named[std::string(prefix) + ours] = at::stack(blocks);
    }
  return named;
}

std::map<std::string, at::Tensor> openai_tensors(const ArchiveTensors& tensors, const std::string& source) {
  std::map<std::string, at::Tensor> named;
  std::set<std::string> taken;
  const auto take = [&](const std::string& name) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw data_error(source + ": has no tensor " + name + "; export it again");
    taken.insert(name);
    return found->second;
  };
  for (const auto& [ours, theirs] : kSingleTensors) named[theirs] = take(ours);
  for (const auto& [prefix, tower] : kTowers)
    for (const auto& [ours, theirs] : kBlockTensors) {
      const at::Tensor stacked = take(std::string(prefix) + ours);
      if (stacked.dim() < 1) throw data_error(source + ": tensor " + prefix + ours + " has no blocks");
      for (std::int64_t block = 0; block < stacked.size(0); ++block)
        named[block_name(tower, block, theirs)] = stacked.select(0, block);
    }
  for (const auto& [name, tensor] : tensors)
    if (!taken.contains(name))
      throw data_error(source + ": tensor " + name + " belongs to no archive; export it again");
  return named;
}

std::map<std::string, std::int64_t> archive_integers(const ModelCard& card) {
  return {{"patch_size", card.sizes.patch_size},
          {"native_grid", card.sizes.native_size / card.sizes.patch_size},
          {"vision_layers", card.sizes.vision_layers},
          {"vision_heads", card.vision_heads()},
          {"text_layers", card.sizes.text_layers},
          {"text_heads", card.text_heads()},
          {"vv_blocks", card.encoder.vv_blocks}};
}

std::map<std::string, bool> archive_flags(const ModelCard& card) {
  return {{"global_ln_post", card.encoder.global_ln_post},
          {"patch_ln_post", card.encoder.patch_ln_post},
          {"patch_projection", card.encoder.patch_projection}};
}

torch::jit::Module archive_module(const ArchiveTensors& tensors, const ModelCard& card) {
  torch::jit::Module module("Res2clipBackbone");
  // In one order: the code lists the attributes, and equal weights give equal bytes.
  const auto parameter = [&](const std::string& name) {
    module.register_parameter(name, tensors.at(name), false);
  };
  for (const auto& [ours, theirs] : kSingleTensors) parameter(ours);
  for (const auto& [prefix, tower] : kTowers)
    for (const auto& [ours, theirs] : kBlockTensors) parameter(std::string(prefix) + ours);
  const auto integers = archive_integers(card);
  for (const char* name : {"patch_size", "native_grid", "vision_layers", "vision_heads", "text_layers",
                           "text_heads", "vv_blocks"})
    module.register_attribute(name, c10::IntType::get(), integers.at(name));
  const auto flags = archive_flags(card);
  for (const char* name : {"global_ln_post", "patch_ln_post", "patch_projection"})
    module.register_attribute(name, c10::BoolType::get(), flags.at(name));
  module.define(archive_program(card.form.activation));
  module.eval();
  return module;
}

std::map<std::string, std::string> program_members(const ModelCard& card) {
  std::stringstream bytes;
  archive_module(empty_tensors(), card).save(bytes);
  caffe2::serialize::PyTorchStreamReader reader(&bytes);
  std::map<std::string, std::string> members;
  for (const std::string& name : reader.getAllRecords()) {
    if (is_content(name)) continue;
    const auto [data, size] = reader.getRecord(name);
    members[name] = std::string(static_cast<const char*>(data.get()), size);
  }
  return members;
}

}  // namespace res2clip
