#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/model_card.hpp"
#include "res2clip/core/path.hpp"

namespace res2clip {

/// The weights of a CLIP: float32, on the CPU, under OpenAI's names
/// ("visual.transformer.resblocks.0.ln_1.weight").
struct ClipWeights {
  std::map<std::string, at::Tensor> tensors;
  ClipSizes sizes;
  ClipForm form;
  WeightsOrigin origin;
  std::vector<std::string> remarks;  ///< on what is assumed of them, for people
};

/// How weights are run, as whoever has them states it. What is left out is taken from their description.
struct StatedForm {
  std::optional<Activation> activation = {};
  std::optional<std::int64_t> vision_head_width = {};
  /// Left out without a description: 64, that of all CLIPs published.
  std::optional<std::int64_t> text_head_width = {};
  std::optional<std::array<double, 3>> mean = {}, deviation = {};
};

/// Reads CLIP weights with a ViT image tower. `path` is a file, an index of shards, or a folder with one of
/// both.
///
/// Formats: OpenAI's TorchScript archives (half or single precision, from any device), what Python's
/// torch.save wrote (a `state_dict`, alone or in a training checkpoint; also that of before PyTorch 1.6),
/// safetensors. Names: OpenAI's, which open_clip shares, those of its `CustomTextCLIP`, Hugging Face's
/// `CLIPModel`. Half precision is widened. Nothing of a file is run.
///
/// How they are run (ClipForm) is not a part of the tensors. It is taken from `stated`, else from the
/// checksum of a published file, from a safetensors file's metadata, or from `open_clip_config.json` or
/// `config.json` (with `preprocessor_config.json`) beside the weights.
///
/// Throws a data error that names the path: tensors that are missing, superfluous, misshapen or not finite,
/// another kind of model (which it names), a form that nobody tells or that is not supported.
ClipWeights read_clip_weights(const Path& path, const StatedForm& stated = {});

/// Sizes of a set of tensors under OpenAI's names; checks that all are there and fit. `source` names them in
/// errors.
ClipSizes clip_sizes(const std::map<std::string, at::Tensor>& tensors, const std::string& source);

}  // namespace res2clip
