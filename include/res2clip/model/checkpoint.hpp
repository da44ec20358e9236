#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"
#include "res2clip/model/adapters.hpp"

namespace res2clip {

/// Puts adapters together from tensors named "group.key" ("vis_adapters.6.norm.weight"), as float32 on the
/// CPU. Layers are those that occur. Throws a data error that names `source` and the tensor where one is
/// missing, has a wrong shape or type, holds a value that is not finite, or belongs to no adapter.
Adapters assemble_adapters(const std::map<std::string, at::Tensor>& tensors, const std::string& source);

/// Reads a checkpoint of the authors' format: what `torch.save` writes of a dict of five state dicts
/// (`vis_adapters`, `res_vis_local_adapters`, `res_vis_global_adapter`, `res_text_adapter`, `text_adapter`).
/// Nothing in the file is executed: everything but tensors and plain containers is refused. Tensors that were
/// saved on another device are read to the CPU. If the file states a digest over its members, it is verified.
/// Throws a data error that names the path and what is wrong.
Adapters read_checkpoint(const Path& path);

/// The SHA-256 over all members of a checkpoint that read_checkpoint() has verified; empty: it states none,
/// as those of the authors' code and of older versions.
std::string checkpoint_digest(const Path& path);

/// Writes the same format, for `torch.load(weights_only=True)` and the authors' test script. The same weights
/// give the same bytes. The file appears whole or not at all. Throws a runtime error where it cannot be
/// written.
void write_checkpoint(const Path& path, const Adapters& adapters);

}  // namespace res2clip
