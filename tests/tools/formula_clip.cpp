// formula_clip tiny|demo|full OUTPUT.safetensors: a CLIP filled by formula (tests/data/README.md), in
// OpenAI's names.
#include <cstdio>

#include <nlohmann/json.hpp>

#include "support/formula.hpp"
#include "support/safetensors.hpp"

namespace {

/// How these weights are run, as open_clip would describe it; `export` reads it from the file's metadata.
std::string config_of(const res2clip::testing::ClipSize& size) {
  const nlohmann::json vision = {{"width", size.vision_width},
                                 {"layers", size.vision_layers},
                                 {"patch_size", size.patch},
                                 {"image_size", size.native},
                                 {"head_width", 64}};
  const nlohmann::json text = {
      {"width", size.text_width}, {"layers", size.text_layers}, {"heads", size.text_width / 64}};
  return nlohmann::json{
      {"embed_dim", size.embed}, {"quick_gelu", true}, {"vision_cfg", vision}, {"text_cfg", text}}
      .dump();
}

}  // namespace

int main(int argc, char** argv) {
  namespace made = res2clip::testing;
  const std::map<std::string, made::ClipSize> sizes = {
      {"tiny", made::kTinyClip}, {"demo", made::kDemoClip}, {"full", made::kFullClip}};
  const auto size = sizes.find(argc == 3 ? argv[1] : "");
  if (size == sizes.end()) {
    std::fprintf(stderr, "usage: formula_clip tiny|demo|full OUTPUT.safetensors\n");
    return 2;
  }
  made::write_safetensors(argv[2], made::formula_clip(size->second),
                          {{"open_clip_config", config_of(size->second)}});
  return 0;
}
