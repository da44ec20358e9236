#include "res2clip/clip/weights.hpp"

#include <charconv>
#include <cmath>
#include <fstream>
#include <set>

#include <ATen/ops/isfinite.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"

#include "tensor_files.hpp"

namespace res2clip {
namespace {

/// OpenAI's ViT-L-14-336px.pt, the file that the published results are of.
constexpr const char* kPublishedSha256 = "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02";

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

void add_tower(Shapes& shapes, const std::string& prefix, std::int64_t width, std::int64_t layers) {
  for (std::int64_t block = 0; block < layers; ++block) {
    const std::string p = prefix + "transformer.resblocks." + std::to_string(block) + ".";
    shapes[p + "attn.in_proj_weight"] = {3 * width, width};
    shapes[p + "attn.in_proj_bias"] = {3 * width};
    shapes[p + "attn.out_proj.weight"] = {width, width};
    shapes[p + "attn.out_proj.bias"] = {width};
    shapes[p + "mlp.c_fc.weight"] = {4 * width, width};
    shapes[p + "mlp.c_fc.bias"] = {4 * width};
    shapes[p + "mlp.c_proj.weight"] = {width, 4 * width};
    shapes[p + "mlp.c_proj.bias"] = {width};
    for (const std::string norm : {"ln_1", "ln_2"})
      shapes[p + norm + ".weight"] = shapes[p + norm + ".bias"] = {width};
  }
}

Shapes expected_shapes(const ClipSizes& sizes) {
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
  add_tower(shapes, "visual.", sizes.vision_width, sizes.vision_layers);
  add_tower(shapes, "", sizes.text_width, sizes.text_layers);
  return shapes;
}

/// Tensors that published files carry and inference does not use.
bool is_ignored(const std::string& name) {
  return name == "logit_scale" || name == "input_resolution" || name == "context_length" ||
         name == "vocab_size" || name.ends_with("position_ids");
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
void expect_anchors(const TensorMap& tensors, const std::string& source, const TensorNames& names) {
  std::vector<std::string> missing;
  for (const std::string name : {"visual.conv1.weight", "visual.positional_embedding", "visual.proj",
                                 "token_embedding.weight", "positional_embedding"})
    if (!tensors.contains(name)) missing.push_back(names(name));
  if (missing.empty()) return;
  if (tensors.contains("visual.layer1.0.conv1.weight"))
    throw data_error(source + ": is a CLIP with a ResNet image tower; only ViT towers have V-V attention");
  throw data_error(source + ": is not a CLIP: missing: " + some(missing));
}

void check_shapes(const TensorMap& tensors, const ClipSizes& sizes, const std::string& source,
                  const TensorNames& names) {
  const Shapes shapes = expected_shapes(sizes);
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
  if (!problems.empty()) throw data_error(source + ": inconsistent CLIP weights: " + problems.substr(2));
}

TensorMap read_any(const Path& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    throw data_error(path.string() + ": there is no such file");
  std::ifstream stream(path, std::ios::binary);
  char start[9] = {};
  stream.read(start, 9);
  if (!stream) throw data_error(path.string() + ": is empty, cut off, or cannot be read");
  const bool zip = std::string_view(start, 2) == "PK";
  if (!zip && start[8] == '{') return read_safetensors(path);
  return is_torchscript(path) ? read_torchscript(path) : read_state_dict(path);
}

}  // namespace

ClipSizes clip_sizes(const TensorMap& tensors, const std::string& source) {
  return clip_sizes(tensors, source, [](const std::string& name) { return name; });
}

ClipSizes clip_sizes(const TensorMap& tensors, const std::string& source, const TensorNames& names) {
  expect_anchors(tensors, source, names);
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
  if (sizes.vision_width % 64 != 0 || sizes.text_width % 64 != 0)
    throw data_error(source + ": its widths " + std::to_string(sizes.vision_width) + " and " +
                     std::to_string(sizes.text_width) +
                     " are not multiples of 64, the width of CLIP's attention heads");
  check_shapes(tensors, sizes, source, names);
  return sizes;
}

ClipWeights read_clip_weights(const Path& path) {
  ClipWeights weights;
  TensorMap tensors = read_any(path);
  if (is_hugging_face(tensors)) {
    tensors = from_hugging_face(tensors, path.string());
    weights.sizes = clip_sizes(tensors, path.string(), hugging_face_name);
    expect_usual_config(path.parent_path() / "config.json", weights.sizes);
  } else {
    weights.sizes = clip_sizes(tensors, path.string());
  }
  for (auto& [name, tensor] : tensors) {
    if (is_ignored(name)) continue;
    if (!tensor.is_floating_point())
      throw data_error(path.string() + ": tensor " + name + " holds no floating-point numbers");
    weights.tensors[name] = tensor.to(at::kFloat).contiguous();
    if (!at::isfinite(weights.tensors[name]).all().item<bool>())
      throw data_error(path.string() + ": tensor " + name + " holds numbers that are not finite");
  }
  weights.name = path.filename().string();
  weights.sha256 = sha256_of_file(path);
  weights.verified = weights.sha256 == kPublishedSha256;
  return weights;
}

std::string describe_weights(const ClipWeights& weights) {
  const ClipSizes& sizes = weights.sizes;
  return weights.name + ": ViT with " + std::to_string(sizes.vision_layers) + " blocks of width " +
         std::to_string(sizes.vision_width) + ", patches of " + std::to_string(sizes.patch_size) +
         " px, native size " + std::to_string(sizes.native_size) + " px, embedding " +
         std::to_string(sizes.embed_dim) + "; sha256 " + weights.sha256 +
         (weights.verified ? " (verified: OpenAI's ViT-L-14-336px.pt)"
                           : " (not a checksum this program knows)");
}

}  // namespace res2clip
