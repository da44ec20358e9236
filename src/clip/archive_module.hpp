#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include "res2clip/clip/model_card.hpp"
#include "res2clip/clip/weights.hpp"

namespace res2clip {

/// An archive's tensors by its names: those of the blocks stacked [blocks, ...].
using ArchiveTensors = std::map<std::string, at::Tensor>;

ArchiveTensors archive_tensors(const ClipWeights& weights);
/// Back to OpenAI's names: views. Throws a data error that names `source` if one is missing, superfluous, or
/// not of as many blocks as the others.
std::map<std::string, at::Tensor> openai_tensors(const ArchiveTensors& tensors, const std::string& source);

/// The archive's numbers besides tensors, which its program reads.
std::map<std::string, std::int64_t> archive_integers(const ModelCard& card);
std::map<std::string, bool> archive_flags(const ModelCard& card);

/// The module of an archive: this build's program over these tensors.
torch::jit::Module archive_module(const ArchiveTensors& tensors, const ModelCard& card);

/// What an archive of this card holds beside tensors, card and vocabulary, as this build writes it: the code,
/// constants and version by their names inside the archive's folder.
std::map<std::string, std::string> program_members(const ModelCard& card);

}  // namespace res2clip
