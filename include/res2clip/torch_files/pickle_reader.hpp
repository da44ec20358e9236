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
  explicit PickleValue(std::string value) : value_(std::move(value)) {}
  explicit PickleValue(at::Tensor value) : value_(std::move(value)) {}
  explicit PickleValue(std::shared_ptr<List> value) : value_(std::move(value)) {}
  explicit PickleValue(std::shared_ptr<Dict> value) : value_(std::move(value)) {}

  /// Null where the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
  const double* real() const { return std::get_if<double>(&value_); }
  const std::string* text() const { return std::get_if<std::string>(&value_); }
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

  std::variant<std::monostate, bool, std::int64_t, double, std::string, at::Tensor, std::shared_ptr<List>,
               std::shared_ptr<Dict>>
      value_;
};

/// Reads a file that Python's `torch.save` wrote (the zip format): tensors, texts, numbers, booleans, None,
/// tuples, lists, dicts and OrderedDicts, nested in any way. Tensors come to the CPU, whichever device they
/// were saved from, each with memory of its own. Everything else, above all code, is refused: nothing of the
/// file is ever run. Throws a data error that names the path: no such file, no such format, truncated,
/// damaged, or holding something else.
PickleValue read_torch_pickle(const Path& path);

/// Whether a file is a TorchScript archive (a zip with code in it). Throws a data error where it is no
/// PyTorch zip.
bool is_torchscript(const Path& path);

}  // namespace res2clip
