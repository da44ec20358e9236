#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip::testing {

using Tensors = std::map<std::string, at::Tensor>;

/// A TorchScript archive laid out like OpenAI's: a tree of modules without code, parameters, and the sizes as
/// three integer buffers.
void write_openai_archive(const Path& path, const Tensors& tensors);

/// What torch.save writes of a state dict.
void write_state_dict(const Path& path, const Tensors& tensors);

/// The same weights under the names and in the layout of Hugging Face's CLIPModel.
Tensors to_hugging_face(const Tensors& tensors);

/// The same weights under the names of open_clip's CustomTextCLIP.
Tensors to_custom_text(const Tensors& tensors);

/// With a prefix before all names, as wraps of a training add it.
Tensors with_prefix(const Tensors& tensors, const std::string& prefix);

/// What a training script writes: the weights beside an epoch and an optimizer.
void write_training_checkpoint(const Path& path, const Tensors& tensors);

/// The archive as a GPU of 2020 would have written it: storages on cuda:0, an older version number.
void write_openai_archive_from_gpu(const Path& path, const Tensors& tensors);

/// Linear maps and convolutions in half precision, as OpenAI publishes them; norms and embeddings stay.
Tensors halved(Tensors tensors);

/// The formats in which CLIP weights are published.
struct WeightFormat {
  std::string name;
  std::function<void(const Path&, const Tensors&)> write;
};
std::vector<WeightFormat> weight_formats();

}  // namespace res2clip::testing
