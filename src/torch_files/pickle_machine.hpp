#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "res2clip/torch_files/pickle_reader.hpp"

namespace res2clip {

/// A storage as the pickle names it: its record in the zip and its type.
struct StorageName {
  std::string key;
  at::ScalarType type;
  std::int64_t elements;
};

/// Gives the tensor over a whole storage, one-dimensional.
using StorageLoader = std::function<at::Tensor(const StorageName&)>;

/// Runs the opcodes of a pickle that need no Python. Throws std::runtime_error with a few words about what is
/// wrong.
PickleValue run_pickle(std::string_view program, const StorageLoader& load_storage);

}  // namespace res2clip
