// Weights in PyTorch's own formats: read as tensors with names, whatever classes held them.
#include <fstream>
#include <string_view>

#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/zip.hpp"

#include "tensor_files.hpp"

namespace res2clip {
namespace {

/// Where training scripts put the weights, beside an optimizer and such.
const std::vector<std::string> kWrappers = {"state_dict", "model_state_dict", "model", "module"};

/// The members of a Python module, which are no part of a tensor's name. TorchScript has none of them.
bool is_member_table(const std::string& key) {
  return key == "_parameters" || key == "_buffers" || key == "_modules";
}

void collect(const PickleValue::Dict& dict, const std::string& prefix, TensorMap& tensors) {
  for (const auto& [key, value] : dict) {
    if (key.text() == nullptr) continue;
    if (value.tensor() != nullptr) tensors.emplace(prefix + *key.text(), *value.tensor());
    if (value.dict() != nullptr)
      collect(*value.dict(), is_member_table(*key.text()) ? prefix : prefix + *key.text() + ".", tensors);
  }
}

void require_no_archive_of_ours(const Path& path, bool zip) {
  if (!zip) return;
  const ZipArchive archive(path);
  for (const auto& [name, entry] : archive.entries())
    if (name.ends_with("/extra/card.json"))
      throw data_error(
          path.string() +
          ": is an archive that `res2clip export` wrote; name the weights that it was made from");
}

}  // namespace

TensorFile read_torch_file(const Path& path) {
  char start[2] = {};
  std::ifstream(path, std::ios::binary).read(start, sizeof start);
  require_no_archive_of_ours(path, start[0] == 'P' && start[1] == 'K');
  const PickleValue root = read_torch_pickle(path, {.objects = true, .inside = kWrappers});
  TensorFile file;
  if (root.dict() != nullptr) collect(*root.dict(), "", file.tensors);
  if (file.tensors.empty()) throw data_error(path.string() + ": holds no tensors with names (a state_dict)");
  return file;
}

TensorFile read_tensor_file(const Path& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    throw data_error(path.string() + ": there is no such file");
  std::ifstream stream(path, std::ios::binary);
  char start[9] = {};
  stream.read(start, sizeof start);
  if (!stream) throw data_error(path.string() + ": is empty, cut off, or cannot be read");
  constexpr std::string_view kPointer = "version h";  // of "version https://git-lfs.github.com/spec/v1"
  if (std::string_view(start, sizeof start) == kPointer)
    throw data_error(path.string() +
                     ": is a Git LFS pointer, not the weights themselves; run `git lfs pull`");
  const bool torch = start[0] == '\x80' || (start[0] == 'P' && start[1] == 'K');
  return !torch && start[8] == '{' ? read_safetensors(path) : read_torch_file(path);
}

}  // namespace res2clip
