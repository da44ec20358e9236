#pragma once

#include <string>

#include "tensor_files.hpp"

namespace res2clip {

/// A CLIP's tensors under OpenAI's names and in their layout.
struct NamedTensors {
  TensorMap tensors;
  bool hugging_face = false;  ///< whether they came under the names of Hugging Face's `CLIPModel`
};

/// From any of the names that files have: OpenAI's and open_clip's, those of `CustomTextCLIP`, Hugging
/// Face's, with what wraps of a training add in front ("module."). Throws a data error that says what the
/// model is if it is no CLIP with a ViT image tower: SigLIP, a ResNet, an image tower alone, ... `source`
/// names the file.
NamedTensors to_openai_names(TensorMap tensors, const std::string& source);

/// Hugging Face's tensors -> OpenAI's names and layout.
TensorMap from_hugging_face(const TensorMap& tensors, const std::string& source);
/// What Hugging Face calls a tensor of OpenAI's name.
std::string hugging_face_name(const std::string& name);

}  // namespace res2clip
