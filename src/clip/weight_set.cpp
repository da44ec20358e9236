#include "weight_set.hpp"

#include <algorithm>
#include <set>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

/// In a folder of several, which are the same weights as a rule: safetensors first.
constexpr const char* kUsualNames[] = {"model.safetensors",           "model.safetensors.index.json",
                                       "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
                                       "pytorch_model.bin",           "pytorch_model.bin.index.json"};

constexpr std::uint64_t kLargestIndex = 10 << 20;

bool is_index(const Path& path) {
  return path.filename().string().ends_with(".index.json");
}

/// {"weight_map": {tensor: file}} -> the files.
std::vector<Path> shards_of(const Path& index) {
  std::error_code failed;
  if (std::filesystem::file_size(index, failed) > kLargestIndex || failed)
    throw data_error(index.string() + ": is not an index of weights");
  const auto json = parse_bounded(read_file(index), {.depth = 4, .values = 1'000'000});
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object())
    throw data_error(index.string() + ": is not an index of weights: it has no weight_map");
  std::set<Path> files;
  for (const auto& [tensor, file] : map->items()) {
    const Path name = file.is_string() ? file.get<std::string>() : std::string();
    if (name.empty() || name != name.filename() || name == "..")
      throw data_error(index.string() + ": tensor " + tensor + " is said to lie in " + file.dump() +
                       ", which is not a file beside the index");
    files.insert(index.parent_path() / name);
  }
  for (const Path& file : files)
    if (!std::filesystem::is_regular_file(file, failed))
      throw data_error(index.string() + ": its part " + file.filename().string() +
                       " is missing; fetch it too");
  return {files.begin(), files.end()};
}

Path only_weights_in(const Path& folder) {
  std::error_code failed;
  for (const char* name : kUsualNames)
    if (std::filesystem::is_regular_file(folder / name, failed)) return folder / name;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    const std::string suffix = entry.path().extension().string();
    if (suffix == ".safetensors" || suffix == ".pt" || suffix == ".pth" || suffix == ".bin")
      found.push_back(entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return folder / found.front();
  if (found.empty())
    throw data_error(folder.string() + ": this folder holds no weights (.safetensors, .bin, .pt, .pth)");
  throw data_error(folder.string() + ": this folder holds several weights files; name one: " + one_of(found));
}

}  // namespace

WeightSet find_weights(const Path& path) {
  std::error_code failed;
  const bool folder = std::filesystem::is_directory(path, failed);
  const Path file = folder ? only_weights_in(path) : path;
  WeightSet set;
  set.folder = file.parent_path();
  set.files = is_index(file) ? shards_of(file) : std::vector<Path>{file};
  set.name = file.filename().string();
  const Path parent = std::filesystem::absolute(path, failed).lexically_normal();
  if (folder)
    set.name = (parent.has_filename() ? parent : parent.parent_path()).filename().string() + "/" + set.name;
  return set;
}

std::string sha256_of(const WeightSet& weights) {
  if (weights.files.size() == 1) return sha256_of_file(weights.files.front());
  std::string summary;
  for (const Path& file : weights.files)
    summary += file.filename().string() + " " + sha256_of_file(file) + "\n";
  return sha256(summary);
}

}  // namespace res2clip
