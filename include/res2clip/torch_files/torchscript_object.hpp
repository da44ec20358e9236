#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/zip.hpp"

namespace res2clip {

/// A tensor whose numbers lie, contiguous and shared with no other, in a member of the archive.
struct RecordedTensor {
  std::string member;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> sizes;
  std::uint64_t bytes = 0;
};

/// What the object of a TorchScript archive holds: its attributes as data, without the numbers of its
/// tensors.
struct TorchScriptObject {
  std::string type;  ///< "__torch__.Net"
  std::map<std::string, RecordedTensor> tensors;
  std::map<std::string, PickleValue> values;  ///< all that are no tensors
};

/// The folder inside an archive that all members of a PyTorch file lie in, with its slash. Throws a data
/// error if there is none, or more than one.
std::string records_folder(const ZipArchive& archive);

/// Reads the pickle of a TorchScript archive whose object holds tensors of their own and plain values, no
/// other objects. Nothing of it is run. Throws a data error that names the file.
TorchScriptObject read_torchscript_object(const ZipArchive& archive);

}  // namespace res2clip
