// From what a pickle made to values, reading the numbers of tensors on the way.
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include <ATen/core/Tensor.h>

#include "pickle_machine.hpp"

namespace res2clip {
namespace {

using Kind = PickleNode::Kind;

constexpr int kDeepest = 64;  // nesting beyond this is no file of tensors; a container may even hold itself

class Values {
 public:
  explicit Values(const StorageLoader& load_storage) : load_storage_(load_storage) {}

  PickleValue of(const PickleNode& node, int depth) {
    if (depth > kDeepest) refuse_pickle("its containers are nested too deeply");
    if (++made_ > kMostPickleValues) refuse_pickle("it holds too many values");
    switch (node.kind) {
      case Kind::plain:
        return node.plain;
      case Kind::list:
      case Kind::tuple:
        return list(node, depth);
      case Kind::dict:
        return dict(node, depth);
      case Kind::tensor:
        return tensor(node);
      case Kind::object:  // its attributes; None if it has none
        return node.items.empty() ? PickleValue() : of(*node.items.front(), depth + 1);
      default:
        refuse_pickle("it holds something that is neither a tensor nor a plain container");
    }
  }

 private:
  PickleValue list(const PickleNode& node, int depth) {
    auto list = std::make_shared<PickleValue::List>();
    for (const PickleNode* item : node.items) list->push_back(of(*item, depth + 1));
    return PickleValue(std::move(list));
  }

  PickleValue dict(const PickleNode& node, int depth) {
    auto dict = std::make_shared<PickleValue::Dict>();
    for (std::size_t i = 0; i < node.items.size(); i += 2)
      dict->emplace_back(of(*node.items[i], depth + 1), of(*node.items[i + 1], depth + 1));
    return PickleValue(std::move(dict));
  }

  PickleValue tensor(const PickleNode& node) {
    auto& made = tensors_[&node];
    if (!made.defined()) made = read(node);
    return PickleValue(made);
  }

  /// With memory of its own. A tensor that is all of its storage takes it over; others are copied out.
  at::Tensor read(const PickleNode& node) {
    const at::Tensor storage = load_storage_(node.items.front()->storage);
    std::int64_t elements = 1;
    for (const auto size : node.sizes) elements *= size;
    if (elements == 0) return storage.new_empty(node.sizes);
    const bool fresh = seen_.insert(storage.data_ptr()).second;
    if (fresh) stored_bytes_ += static_cast<std::int64_t>(storage.nbytes());
    const at::Tensor view = storage.as_strided(node.sizes, node.strides, node.offset);
    if (fresh && elements == storage.numel() && view.is_contiguous()) return view;
    // Tensors may share a storage, but a thousand copies of one are no checkpoint.
    constexpr std::int64_t kMostCopies = 8;
    if ((copied_bytes_ += static_cast<std::int64_t>(view.nbytes())) > kMostCopies * stored_bytes_)
      refuse_pickle("its tensors share their data too often");
    return view.clone(at::MemoryFormat::Contiguous);
  }

  const StorageLoader& load_storage_;
  std::int64_t made_ = 0;
  std::int64_t copied_bytes_ = 0, stored_bytes_ = 0;
  std::unordered_set<const void*> seen_;
  std::unordered_map<const PickleNode*, at::Tensor> tensors_;
};

}  // namespace

PickleValue value_of(const PickleNode& node, const StorageLoader& load_storage) {
  return Values(load_storage).of(node, 0);
}

}  // namespace res2clip
