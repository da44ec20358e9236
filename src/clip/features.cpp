#include "res2clip/clip/features.hpp"

#include <ATen/ops/cat.h>

#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {

Features to_device(Features features, c10::Device device) try {
  const auto move = [&](at::Tensor& tensor) {
    tensor = tensor.to(device, /*non_blocking=*/tensor.is_pinned());
  };
  move(features.global);
  for (auto& [layer, patches] : features.patches) move(patches);
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
