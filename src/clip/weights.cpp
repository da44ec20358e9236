#include "res2clip/clip/weights.hpp"

#include <charconv>
#include <cmath>

#include <ATen/ops/isfinite.h>

#include "res2clip/clip/published_weights.hpp"
#include "res2clip/core/error.hpp"

#include "form.hpp"
#include "tensor_files.hpp"
#include "tensor_names.hpp"
#include "weight_set.hpp"

namespace res2clip {
namespace {

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

/// `hidden`: width between the two linear maps of a block.
void add_tower(Shapes& shapes, const std::string& prefix, std::int64_t width, std::int64_t hidden,
               std::int64_t layers) {
  for (std::int64_t block = 0; block < layers; ++block) {
    const std::string p = prefix + "transformer.resblocks." + std::to_string(block) + ".";
    shapes[p + "attn.in_proj_weight"] = {3 * width, width};
    shapes[p + "attn.in_proj_bias"] = {3 * width};
    shapes[p + "attn.out_proj.weight"] = {width, width};
    shapes[p + "attn.out_proj.bias"] = {width};
    shapes[p + "mlp.c_fc.weight"] = {hidden, width};
    shapes[p + "mlp.c_fc.bias"] = {hidden};
    shapes[p + "mlp.c_proj.weight"] = {width, hidden};
    shapes[p + "mlp.c_proj.bias"] = {width};
    for (const std::string norm : {"ln_1", "ln_2"})
      shapes[p + norm + ".weight"] = shapes[p + norm + ".bias"] = {width};
  }
}

/// The width between the linear maps is 4 times the tower's as a rule, but not in the largest CLIPs.
std::int64_t hidden_width(const TensorMap& tensors, const std::string& prefix, std::int64_t width) {
  const auto found = tensors.find(prefix + "transformer.resblocks.0.mlp.c_fc.weight");
  return found != tensors.end() && found->second.dim() == 2 ? found->second.size(0) : 4 * width;
}

Shapes expected_shapes(const TensorMap& tensors, const ClipSizes& sizes) {
  const std::int64_t grid = sizes.native_size / sizes.patch_size;
  Shapes shapes = {{"positional_embedding", {sizes.context_length, sizes.text_width}},
                   {"text_projection", {sizes.text_width, sizes.embed_dim}},
                   {"token_embedding.weight", {sizes.vocabulary_size, sizes.text_width}},
                   {"ln_final.weight", {sizes.text_width}},
                   {"ln_final.bias", {sizes.text_width}},
                   {"visual.class_embedding", {sizes.vision_width}},
                   {"visual.positional_embedding", {grid * grid + 1, sizes.vision_width}},
                   {"visual.proj", {sizes.vision_width, sizes.embed_dim}},
                   {"visual.conv1.weight", {sizes.vision_width, 3, sizes.patch_size, sizes.patch_size}}};
  for (const std::string norm : {"visual.ln_pre", "visual.ln_post"})
    shapes[norm + ".weight"] = shapes[norm + ".bias"] = {sizes.vision_width};
  add_tower(shapes, "visual.", sizes.vision_width, hidden_width(tensors, "visual.", sizes.vision_width),
            sizes.vision_layers);
  add_tower(shapes, "", sizes.text_width, hidden_width(tensors, "", sizes.text_width), sizes.text_layers);
  return shapes;
}

/// Tensors that published files carry and inference does not use.
bool is_ignored(const std::string& name) {
  return name == "logit_scale" || name == "logit_bias" || name == "input_resolution" ||
         name == "context_length" || name == "vocab_size" || name.ends_with("position_ids") ||
         name.ends_with("attn_mask");
}

/// One more than the largest block number in the names, so that a block with gaps is a block all the same.
std::int64_t count_blocks(const TensorMap& tensors, const std::string& tower) {
  const std::string prefix = tower + "transformer.resblocks.";
  constexpr std::int64_t kMostBlocks = 1000;
  std::int64_t count = 0;
  for (auto entry = tensors.lower_bound(prefix); entry != tensors.end() && entry->first.starts_with(prefix);
       ++entry) {
    std::int64_t block = 0;
    const char* const start = entry->first.data() + prefix.size();
    const auto [end, failure] = std::from_chars(start, entry->first.data() + entry->first.size(), block);
    if (failure == std::errc() && *end == '.' && block >= 0 && block < kMostBlocks)
      count = std::max(count, block + 1);
  }
  return count;
}

const at::Tensor& of_dimensions(const TensorMap& tensors, const std::string& name, std::int64_t dimensions,
                                const std::string& source) {
  const at::Tensor& tensor = tensors.at(name);
  if (tensor.dim() != dimensions || tensor.numel() == 0)
    throw data_error(source + ": tensor " + name + " has " + std::to_string(tensor.dim()) +
                     " dimensions instead of " + std::to_string(dimensions) + ", or is empty");
  return tensor;
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// At most a handful of names: a foreign file would print thousands.
std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t most = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

/// The tensors that sizes are read off: without them, nothing can be said of the others.
void require_anchors(const TensorMap& tensors, const std::string& source, const TensorNames& names) {
  std::vector<std::string> missing;
  for (const std::string name : {"visual.conv1.weight", "visual.positional_embedding", "visual.proj",
                                 "token_embedding.weight", "positional_embedding"})
    if (!tensors.contains(name)) missing.push_back(names(name));
  if (missing.empty()) return;
  throw data_error(source + ": is not a CLIP: missing: " + some(missing));
}

void check_shapes(const TensorMap& tensors, const ClipSizes& sizes, const std::string& source,
                  const TensorNames& names) {
  const Shapes shapes = expected_shapes(tensors, sizes);
  std::vector<std::string> missing, extra, misshapen;
  for (const auto& [name, shape] : shapes) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      missing.push_back(names(name));
    else if (found->second.sizes() != at::IntArrayRef(shape))
      misshapen.push_back(names(name) + " " + shape_text(found->second.sizes()) + " instead of " +
                          shape_text(shape));
  }
  for (const auto& [name, tensor] : tensors)
    if (!shapes.contains(name) && !is_ignored(name)) extra.push_back(name);
  std::string problems;
  if (!missing.empty()) problems += "; missing: " + some(missing);
  if (!misshapen.empty()) problems += "; misshapen: " + some(misshapen);
  if (!extra.empty()) problems += "; not part of a CLIP: " + some(extra);
  if (!problems.empty()) throw data_error(source + ": inconsistent CLIP weights" + problems);
}

/// All tensors of all files, and the metadata of the first.
TensorFile read_all(const WeightSet& set) {
  TensorFile all;
  for (const Path& file : set.files) {
    TensorFile part = read_tensor_file(file);
    for (auto& [name, tensor] : part.tensors)
      if (!all.tensors.try_emplace(name, std::move(tensor)).second)
        throw data_error(file.string() + ": tensor " + name + " lies in another part of the weights too");
    if (&file == &set.files.front()) all.metadata = std::move(part.metadata);
  }
  return all;
}

/// float32, without what inference does not use.
TensorMap usable(const TensorMap& tensors, const std::string& source) {
  TensorMap used;
  for (const auto& [name, tensor] : tensors) {
    if (is_ignored(name)) continue;
    if (!tensor.is_floating_point())
      throw data_error(source + ": tensor " + name + " holds no floating-point numbers");
    used[name] = tensor.to(at::kFloat).contiguous();
    if (!at::isfinite(used[name]).all().item<bool>())
      throw data_error(source + ": tensor " + name + " holds numbers that are not finite");
  }
  return used;
}

}  // namespace

ClipSizes clip_sizes(const TensorMap& tensors, const std::string& source) {
  return clip_sizes(tensors, source, [](const std::string& name) { return name; });
}

ClipSizes clip_sizes(const TensorMap& tensors, const std::string& source, const TensorNames& names) {
  require_anchors(tensors, source, names);
  const auto& convolution = of_dimensions(tensors, "visual.conv1.weight", 4, source);
  const auto& positions = of_dimensions(tensors, "visual.positional_embedding", 2, source);
  const auto& tokens = of_dimensions(tensors, "token_embedding.weight", 2, source);
  ClipSizes sizes;
  sizes.vision_width = convolution.size(0);
  sizes.patch_size = convolution.size(3);
  const auto grid =
      static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(positions.size(0) - 1))));
  if (grid < 1 || grid * grid + 1 != positions.size(0))
    throw data_error(source + ": its position embedding has " + std::to_string(positions.size(0)) +
                     " rows, which is not a square grid plus a class token");
  sizes.native_size = grid * sizes.patch_size;
  sizes.embed_dim = of_dimensions(tensors, "visual.proj", 2, source).size(1);
  sizes.text_width = tokens.size(1);
  sizes.vocabulary_size = tokens.size(0);
  sizes.context_length = of_dimensions(tensors, "positional_embedding", 2, source).size(0);
  sizes.vision_layers = count_blocks(tensors, "visual.");
  sizes.text_layers = count_blocks(tensors, "");
  if (sizes.vision_layers == 0 || sizes.text_layers == 0)
    throw data_error(source + ": is not a CLIP: it has no transformer blocks");
  check_shapes(tensors, sizes, source, names);
  return sizes;
}

ClipWeights read_clip_weights(const Path& path, const StatedForm& stated) {
  const WeightSet set = find_weights(path);
  const std::string source = path.string();
  TensorFile file = read_all(set);
  const NamedTensors named = to_openai_names(std::move(file.tensors), source);
  ClipWeights weights;
  weights.sizes = clip_sizes(
      named.tensors, source,
      named.hugging_face ? TensorNames(hugging_face_name) : [](const std::string& name) { return name; });
  weights.tensors = usable(named.tensors, source);
  weights.origin.name = set.name;
  weights.origin.sha256 = sha256_of(set);
  weights.origin.verified = !published_weights(weights.origin.sha256).empty();
  settle_form(weights,
              find_description(set, weights.origin.sha256, file.metadata, weights.sizes, named.hugging_face),
              stated, source);
  return weights;
}

}  // namespace res2clip
