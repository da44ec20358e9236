#include "clip/weight_files.hpp"

#include <caffe2/serialize/inline_container.h>
#include <utility>

#include <torch/csrc/jit/api/module.h>

#include "res2clip/torch_files/pickle_writer.hpp"

#include "support/safetensors.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip::testing {
namespace {

using torch::jit::Module;

Module empty_module(const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  return Module(c10::QualifiedName("__torch__.Part"), unit, /*shouldMangle=*/true);
}

/// A module of all tensors whose names start with `prefix`.
Module module_of(const Tensors& tensors, const std::string& prefix,
                 const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  Module module = empty_module(unit);
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it) {
    const std::string rest = it->first.substr(prefix.size());
    const auto dot = rest.find('.');
    if (dot == std::string::npos) {
      module.register_parameter(rest, it->second, false);
    } else if (const std::string child = rest.substr(0, dot); !module.hasattr(child)) {
      module.register_module(child, module_of(tensors, prefix + child + ".", unit));
    }
  }
  return module;
}

/// Hugging Face's name for a tensor of a block, without that of its block.
std::string hugging_face_part(const std::string& part) {
  for (const auto& [ours, theirs] :
       {std::pair<std::string, std::string>{"attn.out_proj.", "self_attn.out_proj."},
        {"mlp.c_fc.", "mlp.fc1."},
        {"mlp.c_proj.", "mlp.fc2."},
        {"ln_1.", "layer_norm1."},
        {"ln_2.", "layer_norm2."}})
    if (part.starts_with(ours)) return theirs + part.substr(ours.size());
  ADD_FAILURE() << "no such part of a block: " << part;
  return part;
}

void add_block_tensor(Tensors& theirs, const std::string& name, const at::Tensor& tensor) {
  const std::string tower = name.starts_with("visual.") ? "vision_model" : "text_model";
  const std::string rest = name.substr(name.find("resblocks.") + 10);
  const std::string block = tower + ".encoder.layers." + rest.substr(0, rest.find('.')) + ".";
  const std::string part = rest.substr(rest.find('.') + 1);
  if (!part.starts_with("attn.in_proj_")) {
    theirs[block + hugging_face_part(part)] = tensor;
    return;
  }
  const auto pieces = tensor.chunk(3);
  for (std::size_t i = 0; i < 3; ++i)
    theirs[block + "self_attn." + "qkv"[i] + "_proj." + part.substr(13)] = pieces[i];
}

}  // namespace

void write_openai_archive(const Path& path, const Tensors& tensors) {
  Module root = module_of(tensors, "", std::make_shared<torch::jit::CompilationUnit>());
  for (const auto& [name, value] :
       {std::pair{"input_resolution", 56}, {"context_length", 77}, {"vocab_size", 49408}})
    root.register_buffer(name, at::scalar_tensor(value, at::kLong));
  root.save(path.string());
}

Tensors to_custom_text(const Tensors& tensors) {
  Tensors theirs;
  for (const auto& [name, tensor] : tensors)
    theirs[name.starts_with("visual.") || name == "logit_scale" ? name : "text." + name] = tensor;
  return theirs;
}

Tensors with_prefix(const Tensors& tensors, const std::string& prefix) {
  Tensors theirs;
  for (const auto& [name, tensor] : tensors) theirs[prefix + name] = tensor;
  return theirs;
}

void write_training_checkpoint(const Path& path, const Tensors& tensors) {
  const auto dict = [](const Tensors& entries) {
    auto made = std::make_shared<PickleValue::Dict>();
    for (const auto& [name, tensor] : entries) made->emplace_back(PickleValue(name), PickleValue(tensor));
    return PickleValue(std::move(made));
  };
  auto root = std::make_shared<PickleValue::Dict>();
  root->emplace_back(PickleValue(std::string("epoch")), PickleValue(std::int64_t{3}));
  root->emplace_back(PickleValue(std::string("state_dict")), dict(with_prefix(tensors, "module.")));
  root->emplace_back(PickleValue(std::string("optimizer")), dict({{"step", at::ones({1})}}));
  write_torch_pickle(path, PickleValue(std::move(root)));
}

void write_openai_archive_from_gpu(const Path& path, const Tensors& tensors) {
  const TemporaryFolder folder;
  write_openai_archive(folder / "cpu.pt", tensors);
  caffe2::serialize::PyTorchStreamReader reader((folder / "cpu.pt").string());
  caffe2::serialize::PyTorchStreamWriter writer(path.string());
  for (const std::string& name : reader.getAllRecords()) {
    if (name == "version" || name == ".data/serialization_id") continue;  // the writer's own
    const auto [data, size] = reader.getRecord(name);
    std::string bytes(static_cast<const char*>(data.get()), size);
    const std::string cpu("X\3\0\0\0cpu", 8), gpu("X\6\0\0\0cuda:0", 11);
    for (auto at = bytes.find(cpu); name == "data.pkl" && at != std::string::npos; at = bytes.find(cpu, at))
      bytes.replace(at, cpu.size(), gpu);
    writer.writeRecord(name, bytes.data(), bytes.size());
  }
  writer.writeEndOfFile();
}

void write_state_dict(const Path& path, const Tensors& tensors) {
  auto dict = std::make_shared<PickleValue::Dict>();
  for (const auto& [name, tensor] : tensors) dict->emplace_back(PickleValue(name), PickleValue(tensor));
  write_torch_pickle(path, PickleValue(std::move(dict)));
}

Tensors to_hugging_face(const Tensors& tensors) {
  static const std::map<std::string, std::string> names = {
      {"logit_scale", "logit_scale"},
      {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
      {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
      {"ln_final.weight", "text_model.final_layer_norm.weight"},
      {"ln_final.bias", "text_model.final_layer_norm.bias"},
      {"text_projection", "text_projection.weight"},
      {"visual.class_embedding", "vision_model.embeddings.class_embedding"},
      {"visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"},
      {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"},
      {"visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"},
      {"visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"},
      {"visual.ln_post.weight", "vision_model.post_layernorm.weight"},
      {"visual.ln_post.bias", "vision_model.post_layernorm.bias"},
      {"visual.proj", "visual_projection.weight"}};
  Tensors theirs;
  for (const auto& [name, tensor] : tensors) {
    const auto found = names.find(name);
    if (found == names.end())
      add_block_tensor(theirs, name, tensor);
    else
      theirs[found->second] = name == "visual.proj" || name == "text_projection" ? tensor.t() : tensor;
  }
  // Files of older versions carry these counters too.
  theirs["text_model.embeddings.position_ids"] = at::zeros({1, 77}, at::kLong);
  theirs["vision_model.embeddings.position_ids"] = at::zeros({1, 17}, at::kLong);
  return theirs;
}

Tensors halved(Tensors tensors) {
  for (auto& [name, tensor] : tensors)
    if (name.find("ln_") == std::string::npos && name.find("embedding") == std::string::npos &&
        name != "logit_scale")
      tensor = tensor.to(at::kHalf);
  return tensors;
}

std::vector<WeightFormat> weight_formats() {
  return {{"TorchScript archive", write_openai_archive},
          {"half precision archive",
           [](const Path& path, const Tensors& tensors) { write_openai_archive(path, halved(tensors)); }},
          {"archive from a GPU", write_openai_archive_from_gpu},
          {"state dict", write_state_dict},
          {"training checkpoint", write_training_checkpoint},
          {"CustomTextCLIP",
           [](const Path& path, const Tensors& tensors) { write_state_dict(path, to_custom_text(tensors)); }},
          {"safetensors", [](const Path& path, const Tensors& tensors) { write_safetensors(path, tensors); }},
          {"Hugging Face safetensors", [](const Path& path, const Tensors& tensors) {
             write_safetensors(path, to_hugging_face(tensors));
           }}};
}

}  // namespace res2clip::testing
