#include "res2clip/clip/published_weights.hpp"

#include <algorithm>

namespace res2clip {
namespace {

struct Known {
  std::string_view sha256, name;
};

/// OpenAI's CLIPs with a ViT image tower, as clip/clip.py of their release names them.
constexpr Known kOpenAi[] = {
    {"40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", "ViT-B-32.pt"},
    {"5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", "ViT-B-16.pt"},
    {"b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", "ViT-L-14.pt"},
    {"3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02", "ViT-L-14-336px.pt"}};

/// This project's own, in the same form (models/README.md).
constexpr Known kDemo{"294ae02b3fc184a9ffaa1b3a0202f8c926129d3a15230541f06ea11a4c3bdae7",
                      "demo-clip.safetensors"};

}  // namespace

std::string_view published_weights(std::string_view sha256) {
  const auto* found = std::find_if(std::begin(kOpenAi), std::end(kOpenAi),
                                   [&](const Known& one) { return one.sha256 == sha256; });
  return found == std::end(kOpenAi) ? std::string_view() : found->name;
}

bool is_demo_backbone(std::string_view sha256) {
  return sha256 == kDemo.sha256;
}

}  // namespace res2clip
