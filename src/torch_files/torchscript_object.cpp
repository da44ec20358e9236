#include "res2clip/torch_files/torchscript_object.hpp"

#include <set>

#include "res2clip/core/error.hpp"

#include "pickle_machine.hpp"

namespace res2clip {
namespace {

using Kind = PickleNode::Kind;

constexpr std::uint64_t kLargestPickle = 16 << 20;  // of names and shapes alone

bool is_contiguous(const PickleNode& tensor) {
  std::int64_t stride = 1;
  for (std::size_t i = tensor.sizes.size(); i-- > 0;) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != stride) return false;
    stride *= tensor.sizes[i];
  }
  return tensor.offset == 0 && stride == tensor.items.front()->storage.elements;
}

class ObjectReader {
 public:
  ObjectReader(const ZipArchive& archive, std::string folder)
      : archive_(archive), folder_(std::move(folder)) {}

  TorchScriptObject object(const PickleNode& root) {
    if (root.kind != Kind::object || root.items.size() != 1 || root.items.front()->kind != Kind::dict)
      refuse_pickle("it holds no object with attributes");
    TorchScriptObject found{root.function, {}, {}};
    const auto& items = root.items.front()->items;
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const std::string* name = items[i]->plain.text();
      if (name == nullptr || found.tensors.contains(*name) || found.values.contains(*name))
        refuse_damaged_pickle();
      if (items[i + 1]->kind == Kind::tensor)
        found.tensors[*name] = recorded(*name, *items[i + 1]);
      else
        found.values[*name] = value_of(*items[i + 1], [](const StorageName&) -> at::Tensor {
          refuse_pickle("it holds tensors inside containers");
        });
    }
    return found;
  }

 private:
  RecordedTensor recorded(const std::string& name, const PickleNode& node) {
    const StorageName& storage = node.items.front()->storage;
    if (!is_contiguous(node) || !used_.insert(storage.key).second)
      refuse_pickle("tensor " + name + " does not lie by itself");
    RecordedTensor tensor{folder_ + "data/" + storage.key, storage.type, node.sizes, 0};
    const auto member = archive_.entries().find(tensor.member);
    std::uint64_t bytes = 0;
    if (member == archive_.entries().end() || storage.elements < 0 ||
        __builtin_mul_overflow(static_cast<std::uint64_t>(storage.elements), at::elementSize(storage.type),
                               &bytes) ||
        member->second.size != bytes)
      refuse_pickle("the data of tensor " + name + " have the wrong size");
    tensor.bytes = bytes;
    return tensor;
  }

  const ZipArchive& archive_;
  std::string folder_;
  std::set<std::string> used_;
};

}  // namespace

std::string records_folder(const ZipArchive& archive) {
  std::string folder;
  for (const auto& [name, entry] : archive.entries()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != "data.pkl") continue;
    if (!folder.empty())
      throw data_error(archive.path().string() + ": is damaged: it holds two PyTorch files");
    folder = name.substr(0, slash + 1);
  }
  if (folder.empty())
    throw data_error(archive.path().string() +
                     ": is a zip archive, but not a PyTorch file: it has no data.pkl");
  return folder;
}

TorchScriptObject read_torchscript_object(const ZipArchive& archive) {
  const std::string folder = records_folder(archive);
  try {
    PickleMachine machine(/*objects=*/true);
    machine.run(archive.read(folder + "data.pkl", kLargestPickle));
    return ObjectReader(archive, folder).object(machine.root());
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw data_error(archive.path().string() +
                     ": cannot be read as a TorchScript archive: " + first_line(error));
  }
}

}  // namespace res2clip
