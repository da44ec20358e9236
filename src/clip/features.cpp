#include "res2clip/clip/features.hpp"

#include <ATen/ops/cat.h>

#include "res2clip/core/error.hpp"

#include "libtorch_errors.hpp"

namespace res2clip {

Features slice(const Features& features, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || first > features.batch() - count)
    throw data_error("images " + std::to_string(first) + " to " + std::to_string(first + count - 1) +
                     " of a batch of " + std::to_string(features.batch()) + " were asked for");
  Features part;
  part.global = features.global.narrow(0, first, count);
  for (const auto& [layer, patches] : features.patches) part.patches[layer] = patches.narrow(0, first, count);
  part.grid = features.grid;
  return part;
}

Features to_device(Features features, c10::Device device) try {
  features.global = features.global.to(device);
  for (auto& [layer, patches] : features.patches) patches = patches.to(device);
  return features;
} catch (...) {
  rethrow_as_ours("moving features to a device");
}

Features concatenate(const std::vector<Features>& parts) try {
  if (parts.empty()) throw data_error("no features to put together");
  if (parts.size() == 1) return parts.front();
  Features whole;
  whole.grid = parts.front().grid;
  std::vector<at::Tensor> globals;
  std::map<int, std::vector<at::Tensor>> patches;
  for (const Features& part : parts) {
    if (!(part.grid == whole.grid)) throw data_error("features of different grids cannot be put together");
    globals.push_back(part.global);
    for (const auto& [layer, tensor] : part.patches) patches[layer].push_back(tensor);
  }
  whole.global = at::cat(globals);
  for (const auto& [layer, tensors] : patches) {
    if (tensors.size() != parts.size())
      throw data_error("features of different layers cannot be put together");
    whole.patches[layer] = at::cat(tensors);
  }
  return whole;
} catch (...) {
  rethrow_as_ours("putting features together");
}

}  // namespace res2clip
