// formula_clip tiny|full OUTPUT.safetensors: a CLIP filled by formula (tests/data/README.md), in OpenAI's
// names.
#include <cstdio>
#include <fstream>

#include "support/formula.hpp"
#include "support/goldens.hpp"

int main(int argc, char** argv) {
  const std::string size = argc == 3 ? argv[1] : "";
  if (size != "tiny" && size != "full") {
    std::fprintf(stderr, "usage: formula_clip tiny|full OUTPUT.safetensors\n");
    return 2;
  }
  namespace made = res2clip::testing;
  const auto tensors = made::formula_clip(size == "tiny" ? made::kTinyClip : made::kFullClip);
  nlohmann::ordered_json header;
  std::int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::int64_t end = offset + static_cast<std::int64_t>(tensor.nbytes());
    header[name] = {{"dtype", "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  res2clip::AtomicFile file(argv[2]);
  {
    std::ofstream stream(file.temporary(), std::ios::binary);
    const std::uint64_t length = text.size();
    stream.write(reinterpret_cast<const char*>(&length), sizeof length);
    stream.write(text.data(), static_cast<std::streamsize>(text.size()));
    for (const auto& [name, tensor] : tensors)
      stream.write(static_cast<const char*>(tensor.data_ptr()),
                   static_cast<std::streamsize>(tensor.nbytes()));
  }
  file.commit();
  return 0;
}
