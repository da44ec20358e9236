#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// A value out of a PyTorch file: what remains of Python when nothing of it may run.
class PickleValue {
 public:
  using List = std::vector<PickleValue>;                          // of lists and tuples
  using Dict = std::vector<std::pair<PickleValue, PickleValue>>;  // of dicts and OrderedDicts, in their order

  PickleValue() = default;  // None
  explicit PickleValue(bool value) : value_(value) {}
  explicit PickleValue(std::int64_t value) : value_(value) {}
  explicit PickleValue(double value) : value_(value) {}
  explicit PickleValue(std::string value) : value_(std::make_shared<const std::string>(std::move(value))) {}
  explicit PickleValue(at::Tensor value) : value_(std::move(value)) {}
  explicit PickleValue(std::shared_ptr<List> value) : value_(std::move(value)) {}
  explicit PickleValue(std::shared_ptr<Dict> value) : value_(std::move(value)) {}

  bool is_none() const { return std::holds_alternative<std::monostate>(value_); }
  /// Null if the value is of another kind. Copies of a value share their text, list or dict.
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
  const double* real() const { return std::get_if<double>(&value_); }
  const std::string* text() const { return pointee<const std::string>(); }
  const at::Tensor* tensor() const { return std::get_if<at::Tensor>(&value_); }
  const List* list() const { return pointee<List>(); }
  const Dict* dict() const { return pointee<Dict>(); }
  List* list() { return const_cast<List*>(pointee<List>()); }
  Dict* dict() { return const_cast<Dict*>(pointee<Dict>()); }

  /// The entry of a dict under a text key; null where there is none.
  const PickleValue* find(const std::string& key) const;

 private:
  template <class Container>
  const Container* pointee() const {
    const auto* pointer = std::get_if<std::shared_ptr<Container>>(&value_);
    return pointer != nullptr ? pointer->get() : nullptr;
  }

  std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>, at::Tensor,
               std::shared_ptr<List>, std::shared_ptr<Dict>>
      value_;
};

/// How much is taken of a file of tensors.
struct TorchFileRules {
  /// Objects of any class are taken as what they hold: their attributes, as a dict. No class is looked up and
  /// nothing is called. Otherwise they are refused, and with them the file.
  bool objects = false;
  /// If the outermost dict holds a dict, or an object, under one of these keys, then the first such one is
  /// all that is read.
  std::vector<std::string> inside;
};

/// Reads a file that Python's `torch.save` wrote, or a TorchScript archive (which is an object): tensors,
/// texts, numbers, booleans, None, tuples, lists, dicts and OrderedDicts, nested in any way. Also the format
/// of before PyTorch 1.6. Tensors come to the CPU, whichever device they were saved from, each with memory of
/// its own. Everything else is refused, and above all code: nothing of the file is ever run. What is read is
/// compared with its CRC-32, and all members with the file's digest if it states one (archive_seal.hpp);
/// memory and time are bounded by the file's size. Throws a data error that names the path: no such file, no
/// such format, truncated, damaged, or holding something else.
PickleValue read_torch_pickle(const Path& path, const TorchFileRules& rules = {});

}  // namespace res2clip
