#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

#include <ATen/ops/empty.h>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"

#include "tensor_files.hpp"

namespace res2clip {
namespace {

constexpr std::uint64_t kLargestHeader = 100'000'000;  // the format's own limit
// An entry is an object of three, one of which is a pair; names and sizes are values too.
constexpr JsonLimits kHeaderLimits{.depth = 4, .values = 2'000'000};

at::ScalarType type_of(const std::string& name) {
  static const std::map<std::string, at::ScalarType> types = {
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf},  {"BF16", at::kBFloat16},
      {"I64", at::kLong},   {"I32", at::kInt},   {"I16", at::kShort}, {"I8", at::kChar},
      {"U8", at::kByte},    {"BOOL", at::kBool}};
  const auto found = types.find(name);
  if (found == types.end()) throw std::runtime_error("its type " + name + " is not supported");
  return found->second;
}

/// A tensor as the header lists it.
struct Listed {
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

Listed listed(const std::string& name, const nlohmann::json& entry, std::uint64_t data_size) {
  Listed tensor{name, type_of(entry.at("dtype").get<std::string>()),
                entry.at("shape").get<std::vector<std::int64_t>>(),
                entry.at("data_offsets").at(0).get<std::uint64_t>(),
                entry.at("data_offsets").at(1).get<std::uint64_t>()};
  std::uint64_t bytes = at::elementSize(tensor.type);
  for (const auto extent : tensor.shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes))
      throw std::runtime_error("its shape makes no sense");
  if (tensor.begin > tensor.end || tensor.end > data_size || tensor.end - tensor.begin != bytes)
    throw std::runtime_error("its data are not where they should be");
  return tensor;
}

std::vector<Listed> list_tensors(const nlohmann::json& header, std::uint64_t data_size, const Path& path) {
  std::vector<Listed> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    try {
      tensors.push_back(listed(name, entry, data_size));
    } catch (const std::exception& error) {
      const std::string text = error.what();
      throw data_error(path.string() + ": tensor " + name +
                       " cannot be read: " + (text.starts_with('[') ? "its entry is malformed" : text));
    }
  }
  return tensors;
}

/// Few bytes could otherwise pass for many.
void require_disjoint(std::vector<Listed>& tensors, const Path& path) {
  std::sort(tensors.begin(), tensors.end(),
            [](const Listed& a, const Listed& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < tensors.size(); ++i)
    if (tensors[i].begin < tensors[i - 1].end)
      throw data_error(path.string() + ": tensor " + tensors[i].name +
                       " cannot be read: its data overlap those of " + tensors[i - 1].name);
}

at::Tensor read_tensor(std::ifstream& stream, const Listed& listed, std::uint64_t data_start,
                       const Path& path) {
  at::Tensor tensor = at::empty(listed.shape, listed.type);
  stream.seekg(static_cast<std::streamoff>(data_start + listed.begin));
  stream.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
  if (!stream)
    throw data_error(path.string() + ": tensor " + listed.name + " cannot be read: its data are cut off");
  return tensor;
}

std::map<std::string, std::string> metadata_of(const nlohmann::json& header) {
  std::map<std::string, std::string> metadata;
  const auto found = header.find("__metadata__");
  if (found == header.end() || !found->is_object()) return metadata;
  for (const auto& [key, value] : found->items())
    if (value.is_string()) metadata[key] = value.get<std::string>();
  return metadata;
}

}  // namespace

TensorFile read_safetensors(const Path& path) {
  std::ifstream stream(path, std::ios::binary);
  const auto size = std::filesystem::file_size(path);
  std::uint64_t header_size = 0;
  stream.read(reinterpret_cast<char*>(&header_size), sizeof header_size);
  if (!stream || header_size > kLargestHeader || header_size + sizeof header_size > size)
    throw data_error(path.string() + ": is not a safetensors file, or cut off");
  std::string text(header_size, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(header_size));
  const auto header = parse_bounded(text, kHeaderLimits);
  if (!stream || !header.is_object())
    throw data_error(path.string() + ": is not a safetensors file: its header is not JSON");
  const std::uint64_t data_start = sizeof header_size + header_size;
  std::vector<Listed> tensors = list_tensors(header, size - data_start, path);
  require_disjoint(tensors, path);
  TensorFile file;
  for (const Listed& listed : tensors)
    file.tensors[listed.name] = read_tensor(stream, listed, data_start, path);
  file.metadata = metadata_of(header);
  return file;
}

}  // namespace res2clip
