#include "res2clip/model/checkpoint.hpp"

#include <fstream>
#include <memory>
#include <string_view>

#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/archive_seal.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/pickle_writer.hpp"

namespace res2clip {
namespace {

/// Adds the tensors of one state dict as "group.key".
void collect(const PickleValue::Dict& state, const std::string& group, const std::string& source,
             std::map<std::string, at::Tensor>& tensors) {
  for (const auto& [key, value] : state) {
    if (key.text() == nullptr) throw data_error(source + ": " + group + " has a key that is not a text");
    const std::string name = group + "." + *key.text();
    if (value.tensor() == nullptr) throw data_error(source + ": " + name + " is not a tensor");
    tensors[name] = *value.tensor();
  }
}

}  // namespace

Adapters read_checkpoint(const Path& path) {
  const std::string source = path.string();
  const PickleValue content = read_torch_pickle(path);
  if (content.dict() == nullptr)
    throw data_error(source + ": is not a checkpoint of the adapters: it holds no dict");
  std::map<std::string, at::Tensor> tensors;
  std::vector<std::string_view> groups;
  for (const auto& [group, name] : EnumNames<AdapterGroup>::values) {
    groups.push_back(name);
    const PickleValue* state = content.find(std::string(name));
    if (state == nullptr)
      throw data_error(source + ": is not a checkpoint of the adapters: it has no '" + std::string(name) +
                       "'");
    if (state->dict() == nullptr)
      throw data_error(source + ": '" + std::string(name) + "' is not a state dict");
    collect(*state->dict(), std::string(name), source, tensors);
  }
  if (content.dict()->size() != groups.size())
    throw data_error(source + ": is not a checkpoint of the adapters: it has entries besides " +
                     one_of(groups));
  return assemble_adapters(tensors, source);
}

std::string checkpoint_digest(const Path& path) {
  char start[2] = {};
  std::ifstream(path, std::ios::binary).read(start, sizeof start);
  if (start[0] != 'P' || start[1] != 'K') return {};  // PyTorch's format of before 1.6
  return stated_digest(ZipArchive(path)).value_or("");
}

void write_checkpoint(const Path& path, const Adapters& adapters) {
  std::map<AdapterGroup, std::shared_ptr<PickleValue::Dict>> states;
  auto content = std::make_shared<PickleValue::Dict>();
  for (const auto& [group, name] : EnumNames<AdapterGroup>::values) {
    states[group] = std::make_shared<PickleValue::Dict>();
    content->emplace_back(PickleValue(std::string(name)), PickleValue(states[group]));
  }
  for_each_tensor(adapters, [&](const AdapterTensor& which, const at::Tensor& tensor) {
    states.at(which.group)->emplace_back(PickleValue(which.key()), PickleValue(tensor));
  });
  write_torch_pickle(path, PickleValue(content));
}

}  // namespace res2clip
