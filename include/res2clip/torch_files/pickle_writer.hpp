#pragma once

#include "res2clip/core/path.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"

namespace res2clip {

/// Writes a value as PyTorch does (`torch.save`): a zip archive with a pickle of protocol 2 and one aligned
/// record for each tensor's storage. The outermost dict is a `dict`, those inside it are `OrderedDict`s, as
/// state dicts are. Python's `torch.load(weights_only=True)` and read_torch_pickle() read it. Tensors are
/// written contiguous, as CPU tensors with a storage of their own. The same value gives the same bytes,
/// whatever the file's name; a SHA-256 over all members stands in the archive's comment (archive_seal.hpp).
/// The file appears whole or not at all. Throws a runtime error where it cannot be written.
void write_torch_pickle(const Path& path, const PickleValue& value);

}  // namespace res2clip
