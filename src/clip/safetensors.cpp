#include <cstring>
#include <fstream>

#include <ATen/ops/empty.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"

#include "tensor_files.hpp"

namespace res2clip {
namespace {

constexpr std::uint64_t kLargestHeader = 100'000'000;  // the format's own limit

at::ScalarType type_of(const std::string& name) {
  static const std::map<std::string, at::ScalarType> types = {
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf},  {"BF16", at::kBFloat16},
      {"I64", at::kLong},   {"I32", at::kInt},   {"I16", at::kShort}, {"I8", at::kChar},
      {"U8", at::kByte},    {"BOOL", at::kBool}};
  const auto found = types.find(name);
  if (found == types.end()) throw std::runtime_error("its type " + name + " is unknown");
  return found->second;
}

at::Tensor read_tensor(std::ifstream& stream, const nlohmann::json& entry, std::uint64_t data_start,
                       std::uint64_t data_size) {
  const auto type = type_of(entry.at("dtype").get<std::string>());
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
  const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
  std::uint64_t bytes = at::elementSize(type);
  for (const auto extent : shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes))
      throw std::runtime_error("its shape makes no sense");
  if (begin > end || end > data_size || end - begin != bytes)
    throw std::runtime_error("its data are not where they should be");
  at::Tensor tensor = at::empty(shape, type);
  stream.seekg(static_cast<std::streamoff>(data_start + begin));
  stream.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(bytes));
  if (!stream) throw std::runtime_error("its data are cut off");
  return tensor;
}

}  // namespace

TensorMap read_safetensors(const Path& path) {
  std::ifstream stream(path, std::ios::binary);
  const auto size = std::filesystem::file_size(path);
  std::uint64_t header_size = 0;
  stream.read(reinterpret_cast<char*>(&header_size), sizeof header_size);
  if (!stream || header_size > kLargestHeader || header_size + sizeof header_size > size)
    throw data_error(path.string() + ": is not a safetensors file, or cut off");
  std::string header(header_size, '\0');
  stream.read(header.data(), static_cast<std::streamsize>(header_size));
  const auto json = nlohmann::json::parse(header, nullptr, false);
  if (!stream || !json.is_object())
    throw data_error(path.string() + ": is not a safetensors file: its header is not JSON");
  TensorMap tensors;
  const std::uint64_t data_start = sizeof header_size + header_size;
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") continue;
    try {
      tensors[name] = read_tensor(stream, entry, data_start, size - data_start);
    } catch (const std::exception& error) {
      throw data_error(path.string() + ": tensor " + name + " cannot be read: " + error.what());
    }
  }
  return tensors;
}

}  // namespace res2clip
