// formula_clip tiny|demo|full OUTPUT.safetensors: a CLIP filled by formula (tests/data/README.md), in
// OpenAI's names.
#include <cstdio>

#include "support/formula.hpp"
#include "support/safetensors.hpp"

int main(int argc, char** argv) {
  namespace made = res2clip::testing;
  const std::map<std::string, made::ClipSize> sizes = {
      {"tiny", made::kTinyClip}, {"demo", made::kDemoClip}, {"full", made::kFullClip}};
  const auto size = sizes.find(argc == 3 ? argv[1] : "");
  if (size == sizes.end()) {
    std::fprintf(stderr, "usage: formula_clip tiny|demo|full OUTPUT.safetensors\n");
    return 2;
  }
  made::write_safetensors(argv[2], made::formula_clip(size->second));
  return 0;
}
