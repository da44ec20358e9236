#include "res2clip/torch_files/pickle_reader.hpp"

#include <map>

#include <ATen/ops/empty.h>

#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/archive_seal.hpp"
#include "res2clip/torch_files/torchscript_object.hpp"
#include "res2clip/torch_files/zip.hpp"

#include "open_file.hpp"
#include "pickle_machine.hpp"

namespace res2clip {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kLargestPickle = 64 << 20;  // of names and shapes alone; numbers lie beside it
/// The two pickles that a file of before PyTorch 1.6 begins with: its number, and its version.
constexpr std::string_view kOldStart =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03."sv;

template <class Job>
auto guarded(const Path& path, const Job& job) {
  try {
    return job();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw data_error(path.string() + ": cannot be read as a PyTorch file: " + first_line(error));
  }
}

std::uint64_t bytes_of(const StorageName& name) {
  std::uint64_t bytes = 0;
  if (name.elements < 0 ||
      __builtin_mul_overflow(static_cast<std::uint64_t>(name.elements), at::elementSize(name.type), &bytes))
    refuse_pickle("tensor data " + name.key + " has the wrong size");
  return bytes;
}

/// Of the pickle's root, what the rules ask for.
const PickleNode& chosen(const PickleNode& root, const std::vector<std::string>& inside) {
  using Kind = PickleNode::Kind;
  if (root.kind != Kind::dict) return root;
  for (const std::string& wanted : inside)
    for (std::size_t i = 0; i < root.items.size(); i += 2) {
      const std::string* key = root.items[i]->plain.text();
      const Kind kind = root.items[i + 1]->kind;
      if (key != nullptr && *key == wanted && (kind == Kind::dict || kind == Kind::object))
        return *root.items[i + 1];
    }
  return root;
}

void require_little_endian(const ZipArchive& zip, const std::string& folder, const Path& path) {
  if (zip.contains(folder + "byteorder") && zip.read(folder + "byteorder", 16) != "little")
    throw data_error(
        path.string() +
        ": was written on a big-endian machine, which is not supported; save it again on another");
}

PickleValue read_zip(const Path& path, const TorchFileRules& rules) {
  const ZipArchive zip(path);
  require_stated_members(zip);
  const std::string folder = records_folder(zip);
  require_little_endian(zip, folder, path);
  PickleMachine machine(rules.objects);
  machine.run(zip.read(folder + "data.pkl", kLargestPickle));
  std::map<std::string, at::Tensor> loaded;  // tensors may share a storage
  return value_of(chosen(machine.root(), rules.inside), [&](const StorageName& name) {
    const auto [found, fresh] = loaded.try_emplace(name.key);
    if (!fresh) return found->second;
    const auto record = zip.entries().find(folder + "data/" + name.key);
    const auto bytes = bytes_of(name);
    if (record == zip.entries().end() || record->second.size != bytes)
      refuse_pickle("tensor data " + name.key + " has the wrong size");
    found->second = at::empty({name.elements}, name.type);
    zip.read_into(record->first, found->second.data_ptr(), bytes);
    return found->second;
  });
}

/// Where the numbers of each storage lie: behind the pickles, each behind its count.
std::map<std::string, std::uint64_t> find_storages(const OpenFile& file, const PickleNode& keys,
                                                   const std::map<std::string, StorageName>& names,
                                                   std::uint64_t at) {
  std::map<std::string, std::uint64_t> places;
  for (const PickleNode* key : keys.items) {
    const auto name = key->plain.text() != nullptr ? names.find(*key->plain.text()) : names.end();
    if (name == names.end()) refuse_damaged_pickle();
    std::int64_t count = 0;
    file.read_into(at, &count, sizeof count);
    if (count != name->second.elements) refuse_pickle("tensor data " + name->first + " has the wrong size");
    at += sizeof count;
    const auto bytes = bytes_of(name->second);
    if (at > file.size() || bytes > file.size() - at) refuse_pickle("it is cut off");
    if (!places.try_emplace(name->first, at).second) refuse_damaged_pickle();
    at += bytes;
  }
  return places;
}

/// Pickles one after the other, then the numbers (no checksums: those came with the zip format).
PickleValue read_old(const OpenFile& file, const TorchFileRules& rules) {
  const std::string start = file.read(0, std::min(file.size(), kLargestPickle));
  std::string_view left = std::string_view(start).substr(kOldStart.size());
  const auto run = [&](PickleMachine& machine) { left.remove_prefix(machine.run(left)); };
  PickleMachine system(false), content(rules.objects), keys(false);
  run(system);
  run(content);
  run(keys);
  const auto places = find_storages(file, keys.root(), content.storages(), start.size() - left.size());
  std::map<std::string, at::Tensor> loaded;
  return value_of(chosen(content.root(), rules.inside), [&](const StorageName& name) {
    const auto [found, fresh] = loaded.try_emplace(name.key);
    if (!fresh) return found->second;
    const auto place = places.find(name.key);
    if (place == places.end()) refuse_damaged_pickle();
    found->second = at::empty({name.elements}, name.type);
    file.read_into(place->second, found->second.data_ptr(), found->second.nbytes());
    return found->second;
  });
}

}  // namespace

const PickleValue* PickleValue::find(const std::string& key) const {
  if (dict() == nullptr) return nullptr;
  for (const auto& [name, value] : *dict())
    if (name.text() != nullptr && *name.text() == key) return &value;
  return nullptr;
}

PickleValue read_torch_pickle(const Path& path, const TorchFileRules& rules) {
  const OpenFile file(path);
  const std::string start = file.read(0, std::min<std::uint64_t>(file.size(), kOldStart.size()));
  if (start.starts_with("PK\3\4")) return guarded(path, [&] { return read_zip(path, rules); });
  if (start == kOldStart) return guarded(path, [&] { return read_old(file, rules); });
  throw data_error(path.string() +
                   (start.starts_with('\x80')
                        ? ": is a pickle, but not one that torch.save wrote; load it in Python and "
                          "save its tensors with torch.save"
                        : ": is not a PyTorch file"));
}

}  // namespace res2clip
