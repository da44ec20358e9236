// Writes the self-contained archive. Needs LibTorch's modules, unlike most of this room.
#include "res2clip/clip/archive.hpp"

#include <fstream>
#include <ostream>
#include <stdexcept>

#include <ATen/ops/stack.h>
#include <torch/csrc/jit/api/module.h>

#include "res2clip/clip/tokenizer.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

#include "card.hpp"
#include "program.hpp"

namespace res2clip {
namespace {

/// A file whose failures are told by `close` alone: LibTorch's archive writer ends the process where its
/// stream fails.
class DeferredFile : public std::streambuf {
 public:
  explicit DeferredFile(const Path& path) {
    good_ = file_.open(path, std::ios::out | std::ios::binary) != nullptr;
  }
  bool close() { return file_.close() != nullptr && good_; }

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    good_ = good_ && file_.sputn(bytes, count) == count;
    return count;
  }
  int_type overflow(int_type letter) override {
    good_ = good_ && file_.sputc(traits_type::to_char_type(letter)) != traits_type::eof();
    return traits_type::not_eof(letter);
  }

 private:
  std::filebuf file_;
  bool good_ = false;
};

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

using Named = std::vector<std::pair<std::string, at::Tensor>>;

void add_tower(Named& named, const ClipWeights& weights, const std::string& tower, const std::string& prefix,
               std::int64_t layers) {
  for (const auto& [ours, theirs] : kBlockTensors) {
    std::vector<at::Tensor> blocks;
    for (std::int64_t block = 0; block < layers; ++block)
      blocks.push_back(
          weights.tensors.at(prefix + "transformer.resblocks." + std::to_string(block) + "." + theirs));
    named.emplace_back(tower + "_" + ours, at::stack(blocks));
  }
}

Named archive_tensors(const ClipWeights& weights) {
  Named named;
  for (const auto& [ours, theirs] : kSingleTensors) named.emplace_back(ours, weights.tensors.at(theirs));
  add_tower(named, weights, "vision", "visual.", weights.sizes.vision_layers);
  add_tower(named, weights, "text", "", weights.sizes.text_layers);
  return named;
}

constexpr std::int64_t kReleasedSize = 518;  // the authors' --image_size

std::int64_t default_size(const ClipWeights& weights, const ExportOptions& options) {
  if (options.image_size != 0) return options.image_size;
  return kReleasedSize % weights.sizes.patch_size == 0 ? kReleasedSize : weights.sizes.native_size;
}

std::int64_t default_vv_blocks(const ClipWeights& weights, const ExportOptions& options) {
  if (options.form.vv_blocks >= 0) return options.form.vv_blocks;
  return (19 * weights.sizes.vision_layers + 23) / 24;
}

ModelCard make_card(const ClipWeights& weights, const ExportOptions& options) {
  ModelCard card{weights.origin, weights.sizes, weights.form, options.form, default_size(weights, options)};
  card.encoder.vv_blocks = default_vv_blocks(weights, options);
  return card;
}

void check(const ClipWeights& weights, const ExportOptions& options) {
  const ClipSizes sizes = clip_sizes(weights.tensors, weights.origin.name);
  if (!(sizes == weights.sizes))
    throw data_error(weights.origin.name + ": its tensors are not of the sizes stated");
  if (options.image_size < 0 || options.image_size % sizes.patch_size != 0)
    throw settings_error("the image size " + std::to_string(options.image_size) +
                         " is not a multiple of this backbone's patch size " +
                         std::to_string(sizes.patch_size));
  if (options.form.vv_blocks > sizes.vision_layers)
    throw settings_error("V-V attention in " + std::to_string(options.form.vv_blocks) +
                         " blocks: this backbone has " + std::to_string(sizes.vision_layers) +
                         "; set export.vv_blocks (--vv-blocks)");
  if (!options.form.patch_projection && sizes.vision_width != sizes.embed_dim)
    throw settings_error("patch features without the projection have width " +
                         std::to_string(sizes.vision_width) + ", the text's have " +
                         std::to_string(sizes.embed_dim) + ": they cannot be compared");
  require_heads_fit(sizes, weights.form, weights.origin.name);
  const auto vocabulary = Tokenizer::built_in().size();
  if (sizes.vocabulary_size != vocabulary)
    throw data_error(weights.origin.name + ": has " + std::to_string(sizes.vocabulary_size) +
                     " tokens; CLIP's vocabulary has " + std::to_string(vocabulary));
}

}  // namespace

void export_backbone(const ClipWeights& weights, const ExportOptions& options, const Path& path) {
  check(weights, options);
  const Named tensors = archive_tensors(weights);
  const ModelCard card = make_card(weights, options);
  torch::jit::Module module("Res2clipBackbone");
  for (const auto& [name, tensor] : tensors) module.register_parameter(name, tensor, false);
  const auto integer = [&](const char* name, std::int64_t value) {
    module.register_attribute(name, c10::IntType::get(), value);
  };
  const auto flag = [&](const char* name, bool value) {
    module.register_attribute(name, c10::BoolType::get(), value);
  };
  integer("patch_size", card.sizes.patch_size);
  integer("native_grid", card.sizes.native_size / card.sizes.patch_size);
  integer("vision_layers", card.sizes.vision_layers);
  integer("vision_heads", card.vision_heads());
  integer("text_layers", card.sizes.text_layers);
  integer("text_heads", card.text_heads());
  integer("vv_blocks", card.encoder.vv_blocks);
  flag("global_ln_post", card.encoder.global_ln_post);
  flag("patch_ln_post", card.encoder.patch_ln_post);
  flag("patch_projection", card.encoder.patch_projection);
  module.define(archive_program(card.form.activation));
  module.eval();
  AtomicFile file(path);
  try {
    // Through a stream: given a path, LibTorch names the folder inside the archive after the temporary file.
    DeferredFile buffer(file.temporary());
    std::ostream stream(&buffer);
    module.save(stream,
                {{kCardFile, card_json({card, features_checksum({tensors.begin(), tensors.end()}, card)})},
                 {kVocabularyFile, std::string(built_in_merges())}});
    if (!buffer.close()) throw std::runtime_error("no space left, or no permission");
  } catch (const std::exception& error) {
    throw runtime_error(path.string() + ": cannot be written: " + first_line(error));
  }
  file.commit();
}

}  // namespace res2clip
