#include "support/safetensors.hpp"

#include <cstdint>
#include <fstream>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "res2clip/core/atomic_file.hpp"

namespace res2clip::testing {
namespace {

const char* type_name(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kLong) return "I64";
  return tensor.scalar_type() == at::kHalf ? "F16" : "F32";
}

std::string header_of(const std::map<std::string, at::Tensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto end = offset + tensor.nbytes();
    header[name] = {
        {"dtype", type_name(tensor)}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data start at a multiple of 8
  return text;
}

}  // namespace

void write_safetensors(const Path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = header_of(tensors, metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  {
    std::ofstream stream(file.temporary(), std::ios::binary);
    stream.write(reinterpret_cast<const char*>(&length), sizeof length);
    stream.write(header.data(), static_cast<std::streamsize>(header.size()));
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor values = tensor.contiguous();
      stream.write(static_cast<const char*>(values.data_ptr()),
                   static_cast<std::streamsize>(values.nbytes()));
    }
  }
  file.commit();
}

}  // namespace res2clip::testing
