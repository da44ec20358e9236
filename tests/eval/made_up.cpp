#include "eval/made_up.hpp"

#include <ATen/ATen.h>

#include "res2clip/core/random.hpp"

namespace res2clip::testing {
namespace {

at::Tensor unit_vectors(RandomStream& random, std::int64_t count) {
  const auto vectors = at::empty({count, kMadeUpWidth}, at::kFloat);
  for (std::int64_t i = 0; i < vectors.numel(); ++i)
    vectors.data_ptr<float>()[i] = static_cast<float>(random.uniform(-0.5, 1.0));
  return vectors / vectors.norm(2, -1, true);
}

Sample sample_of(const std::string& category, const std::string& defect, int number) {
  Sample sample;
  sample.name = category + "/test/" + defect + "/" + std::to_string(number) + ".png";
  sample.image = "/data/" + sample.name;
  sample.category = category;
  sample.defect = defect;
  sample.anomalous = defect != "good";
  if (sample.anomalous) sample.mask = "/data/" + category + "/mask/" + std::to_string(number) + ".png";
  return sample;
}

/// "class/test/defect/number.png", wherever the root is.
std::string name_of_image(const Path& image) {
  Path name = image.filename();
  Path folder = image.parent_path();
  for (int level = 0; level < 3; ++level, folder = folder.parent_path()) name = folder.filename() / name;
  return name.generic_string();
}

}  // namespace

Dataset made_up_dataset(const std::vector<std::string>& categories, int images) {
  Dataset dataset;
  dataset.name = "made up";
  dataset.root = "/data";
  dataset.categories = categories;
  for (const auto& category : categories) {
    for (int i = 0; i < images; ++i)
      dataset.test[category].push_back(sample_of(category, i % 3 == 0 ? "good" : "cut", i));
    for (int i = 100; i < 106; ++i) dataset.train[category].push_back(sample_of(category, "good", i));
  }
  return dataset;
}

References made_up_references(const Dataset& dataset, std::size_t shots) {
  References references;
  for (const auto& [category, samples] : dataset.train)
    for (std::size_t i = 0; i < shots; ++i) references[category].push_back(samples[i].image);
  return references;
}

Detector made_up_detector() {
  RandomStream random(1, "anchors");
  const auto anchors = unit_vectors(random, 2);
  ModelCard card;
  card.sizes.embed_dim = kMadeUpWidth;
  card.sizes.patch_size = kMadeUpPatch;
  card.sizes.vision_layers = 4;
  const auto residual = anchors[1] - anchors[0];
  return Detector({anchors[0], anchors[1], residual / residual.norm()}, card, DetectorOptions{});
}

Features MadeUpFeatures::of(std::span<const Path> images) {
  asked.emplace_back(images.begin(), images.end());
  Features features;
  features.grid = kMadeUpGrid;
  std::vector<at::Tensor> global;
  std::map<int, std::vector<at::Tensor>> patches;
  for (const Path& image : images) {
    RandomStream random(7, name_of_image(image));
    global.push_back(unit_vectors(random, 1)[0]);
    for (int layer = 1; layer <= 4; ++layer)
      patches[layer].push_back(unit_vectors(random, kMadeUpGrid.size()));
  }
  features.global = at::stack(global);
  for (const auto& [layer, parts] : patches) features.patches[layer] = at::stack(parts);
  return features;
}

void MadeUpFeatures::soon(std::span<const Path> images) {
  announced.emplace_back(images.begin(), images.end());
}

at::Tensor made_up_mask(const Sample& sample, std::int64_t size) {
  if (sample.mask.empty()) return {};
  RandomStream random(8, sample.name);
  const auto mask = at::zeros({size, size}, at::kByte);
  const auto row = static_cast<std::int64_t>(random.below(size - 5));
  const auto col = static_cast<std::int64_t>(random.below(size - 5));
  mask.slice(0, row, row + 5).slice(1, col, col + 5).fill_(1);
  return mask;
}

}  // namespace res2clip::testing
