#include "res2clip/torch_files/pickle_reader.hpp"

#include <array>
#include <caffe2/serialize/inline_container.h>
#include <cstring>
#include <fstream>
#include <map>

#include <ATen/ops/empty.h>

#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/zip.hpp"

#include "pickle_machine.hpp"

namespace res2clip {
namespace {

using caffe2::serialize::PyTorchStreamReader;

void expect_zip(const Path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::array<char, 4> start{};
  if (std::filesystem::is_directory(path) || !stream) throw data_error(path.string() + ": cannot be opened");
  stream.read(start.data(), start.size());
  if (stream.gcount() == 4 && std::memcmp(start.data(), "PK\3\4", 4) == 0) return;
  if (stream.gcount() > 0 && start[0] == '\x80')
    throw data_error(path.string() +
                     ": is in PyTorch's format from before version 1.6; load it in Python and save it again");
  throw data_error(path.string() + ": is not a PyTorch file");
}

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

at::Tensor load_record(PyTorchStreamReader& reader, const StorageName& name) {
  const auto [data, size] = reader.getRecord("data/" + name.key);
  const auto bytes = static_cast<std::size_t>(name.elements) * at::elementSize(name.type);
  if (name.elements < 0 || bytes != size)
    throw std::runtime_error("tensor data " + name.key + " has the wrong size");
  at::Tensor storage = at::empty({name.elements}, name.type);
  if (size > 0) std::memcpy(storage.data_ptr(), data.get(), size);
  return storage;
}

}  // namespace

const PickleValue* PickleValue::find(const std::string& key) const {
  if (dict() == nullptr) return nullptr;
  for (const auto& [name, value] : *dict())
    if (name.text() != nullptr && *name.text() == key) return &value;
  return nullptr;
}

PickleValue read_torch_pickle(const Path& path) {
  expect_zip(path);
  expect_undamaged_zip(path);
  return guarded(path, [&] {
    PyTorchStreamReader reader(path.string());
    const auto [program, size] = reader.getRecord("data.pkl");
    std::map<std::string, at::Tensor> loaded;  // tensors may share a storage
    const StorageLoader load = [&](const StorageName& name) {
      auto [found, fresh] = loaded.try_emplace(name.key);
      if (fresh) found->second = load_record(reader, name);
      if (found->second.scalar_type() != name.type)
        throw std::runtime_error("tensor data " + name.key + " has two types");
      return found->second;
    };
    return run_pickle({static_cast<const char*>(program.get()), size}, load);
  });
}

bool is_torchscript(const Path& path) {
  expect_zip(path);
  return guarded(path, [&] {
    PyTorchStreamReader reader(path.string());
    return reader.hasRecord("constants.pkl");
  });
}

}  // namespace res2clip
