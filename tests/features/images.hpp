#pragma once

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/features/encoded_features.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/image/write.hpp"

#include "support/temporary_folder.hpp"

namespace res2clip::testing {

/// A small image of one grey, 0 to 255.
inline void write_grey(const Path& path, int grey) {
  write_png(path, at::full({6, 5, 3}, grey, at::kByte));
}

/// Images 0.png, 1.png, ... whose greys are 10, 11, ...
inline std::vector<Path> write_greys(const TemporaryFolder& folder, int count) {
  std::vector<Path> paths;
  for (int i = 0; i < count; ++i) {
    paths.push_back(folder / (std::to_string(i) + ".png"));
    write_grey(paths.back(), 10 + i);
  }
  return paths;
}

inline const ReadingOptions kSmall{.image = {.size = 4}, .identities = true};
inline constexpr Grid kSmallGrid{2, 2};

/// Stands for a backbone: features that tell an image's grey and the layer, and how many images were
/// encoded.
class GreyBackbone {
 public:
  EncodedFeatures encoded(std::int64_t batch_size, std::vector<int> layers = {1, 2}) {
    return {[this](const at::Tensor& images, std::span<const int> wanted) { return encode(images, wanted); },
            kSmall, std::move(layers), batch_size};
  }

  std::int64_t encoded_images = 0;
  std::vector<std::int64_t> batches;

 private:
  Features encode(const at::Tensor& images, std::span<const int> layers) {
    encoded_images += images.size(0);
    batches.push_back(images.size(0));
    Features features;
    features.grid = kSmallGrid;
    features.global = images.mean({2, 3});
    for (const int layer : layers)
      features.patches[layer] = images.mean({2, 3}).unsqueeze(1).repeat({1, 4, 1}) + layer;
    return features;
  }
};

}  // namespace res2clip::testing
