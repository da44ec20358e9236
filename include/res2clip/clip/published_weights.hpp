#pragma once

#include <string_view>

namespace res2clip {

/// OpenAI's name of the published CLIP weights with this SHA-256 ("ViT-L-14-336px.pt"); empty if it is none
/// of those with a ViT image tower.
std::string_view published_weights(std::string_view sha256);

/// Whether this is the SHA-256 of this project's demo backbone (models/demo-clip.safetensors).
bool is_demo_backbone(std::string_view sha256);

}  // namespace res2clip
