// formula_clip tiny|full OUTPUT.safetensors: a CLIP filled by formula (tests/data/README.md), in OpenAI's
// names.
#include <cstdio>

#include "support/formula.hpp"
#include "support/safetensors.hpp"

int main(int argc, char** argv) {
  const std::string size = argc == 3 ? argv[1] : "";
  if (size != "tiny" && size != "full") {
    std::fprintf(stderr, "usage: formula_clip tiny|full OUTPUT.safetensors\n");
    return 2;
  }
  namespace made = res2clip::testing;
  made::write_safetensors(argv[2], made::formula_clip(size == "tiny" ? made::kTinyClip : made::kFullClip));
  return 0;
}
