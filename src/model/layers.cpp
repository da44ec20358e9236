#include "res2clip/model/layers.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

std::vector<int> checked(const std::vector<std::int64_t>& chosen, std::int64_t depth,
                         const std::string& key) {
  std::vector<int> layers;
  for (const auto layer : chosen) {
    if (layer < 1 || layer > depth)
      throw settings_error("layers." + key + " names layer " + std::to_string(layer) +
                           "; the backbone has blocks 1 to " + std::to_string(depth));
    layers.push_back(static_cast<int>(layer));
  }
  std::sort(layers.begin(), layers.end());
  if (const auto twice = std::adjacent_find(layers.begin(), layers.end()); twice != layers.end())
    throw settings_error("layers." + key + " names layer " + std::to_string(*twice) + " twice");
  return layers;
}

std::vector<int> united(std::vector<int> layers, const std::vector<int>& more) {
  layers.insert(layers.end(), more.begin(), more.end());
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

}  // namespace

std::vector<int> Layers::needed() const {
  return united(text, matched());
}

std::vector<int> Layers::matched() const {
  return united(visual, residual);
}

std::vector<int> quarters(std::int64_t depth) {
  std::vector<int> layers;
  for (int part = 1; part <= 4; ++part)
    layers.push_back(std::max(1, static_cast<int>(std::lround(static_cast<double>(depth * part) / 4))));
  return united(std::move(layers), {});
}

Layers resolve_layers(const LayerOptions& options, std::int64_t depth, bool fine_tuned) {
  const std::vector<int> last = {static_cast<int>(depth)};
  const auto choose = [depth](const std::vector<std::int64_t>& chosen, const std::vector<int>& otherwise,
                              const std::string& key) {
    return chosen.empty() ? otherwise : checked(chosen, depth, key);
  };
  Layers layers;
  layers.text = choose(options.text, last, "text");
  layers.visual = choose(options.visual, quarters(depth), "visual");
  layers.residual = fine_tuned ? choose(options.residual_fine_tuned, quarters(depth), "residual_fine_tuned")
                               : choose(options.residual_training_free, last, "residual_training_free");
  return layers;
}

}  // namespace res2clip
