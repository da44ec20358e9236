#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "res2clip/torch_files/pickle_reader.hpp"

namespace res2clip {

/// A storage as the pickle names it: its record in the file and its type.
struct StorageName {
  std::string key;
  at::ScalarType type = at::kFloat;
  std::int64_t elements = 0;
};

/// Gives the tensor over a whole storage, one-dimensional.
using StorageLoader = std::function<at::Tensor(const StorageName&)>;

[[noreturn]] inline void refuse_pickle(const std::string& what) {
  throw std::runtime_error(what);
}
[[noreturn]] inline void refuse_damaged_pickle() {
  refuse_pickle("its pickle is damaged");
}

/// A value while the pickle runs: besides what a PickleValue can be, names of functions, storages, tensors
/// whose numbers nobody has read yet, and objects of any class.
struct PickleNode {
  enum class Kind { plain, list, tuple, dict, function, storage, tensor, object, mark };
  Kind kind = Kind::plain;
  PickleValue plain;  // None, booleans, numbers, texts; a tensor once it is read
  std::vector<PickleNode*>
      items;  // of a dict: key, value, key, value; of a tensor: its storage; of an object: its state
  std::string function;  // or the class of an object
  StorageName storage;
  std::int64_t offset = 0;  // of a tensor in its storage, elements
  std::vector<std::int64_t> sizes, strides;
};

/// Containers that share containers could otherwise unfold without end, and a pickle could name without end.
inline constexpr std::int64_t kMostPickleValues = 1'000'000;

/// The opcodes of a pickle that need no Python. Whatever it names is looked up nowhere and nothing is called.
/// Throws std::runtime_error with a few words about what is wrong.
class PickleMachine {
 public:
  /// `objects`: take objects of any class as bags of attributes, instead of refusing them.
  explicit PickleMachine(bool objects) : objects_(objects) {}

  /// Runs a pickle up to its end and returns the number of its bytes.
  std::size_t run(std::string_view program);
  /// What it made; its nodes live as long as the machine.
  const PickleNode& root() const { return *root_; }
  /// The storages that it names, by their keys.
  const std::map<std::string, StorageName>& storages() const { return storages_; }

 private:
  friend class PickleRun;
  bool objects_;
  std::deque<PickleNode> nodes_;  // no chain of owners, whose end would recurse without bound
  std::map<std::string, StorageName> storages_;
  PickleNode* root_ = nullptr;
};

/// The value that a node stands for, with the numbers of its tensors read.
PickleValue value_of(const PickleNode& node, const StorageLoader& load_storage);

}  // namespace res2clip
