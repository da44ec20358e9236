#include "res2clip/model/detector.hpp"

#include <algorithm>
#include <string>

#include "res2clip/core/error.hpp"
#include "res2clip/model/branches.hpp"
#include "res2clip/model/smoothing.hpp"

#include "unit_length.hpp"

namespace res2clip {
namespace {

bool contains(const std::vector<int>& layers, int layer) {
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

at::Tensor as_grid(const at::Tensor& scores, const Grid& grid) {
  return scores.view({-1, grid.rows, grid.cols});
}

std::string text_of(const Grid& grid) {
  return std::to_string(grid.rows) + "x" + std::to_string(grid.cols);
}

}  // namespace

Detector::Detector(const TextAnchors& anchors, const ModelCard& card, const DetectorOptions& options)
    : retrieval_(options.retrieval),
      scoring_(options.scoring),
      patch_size_(card.patch_size),
      fine_tuned_(options.scoring.mode == Mode::fine_tuned) {
  layers_ = resolve_layers(options.layers, card.vision_layers, fine_tuned_);
  weights_ = fine_tuned_ ? scoring_.fine_tuned : scoring_.training_free;
  gaussian_window(scoring_.smoothing_size, scoring_.smoothing_sigma);  // refuses an even size here and now
  text_direction_ = unit_length(anchors.residual);
  residual_direction_ = unit_length(anchors.residual);
}

ReferenceBank Detector::remember(const Features& normals) const {
  return make_bank(normals, layers_.matched());
}

Detection Detector::detect(const Features& query, const ReferenceBank& bank) const {
  expect_fit(query, bank);
  Detection result;
  for (const int layer : layers_.text)
    result.text_patches[layer] =
        as_grid(text_similarity(query.patches.at(layer), text_direction_), query.grid);

  for (const int layer : layers_.matched()) {
    const Match matched = match(query.patches.at(layer), bank.patches.at(layer), query.grid, retrieval_);
    if (contains(layers_.visual, layer))
      result.visual_patches[layer] = as_grid(matched.residual_norm, query.grid);
    if (contains(layers_.residual, layer)) {
      at::Tensor projection = residual_projection(matched.residual, residual_direction_);
      if (scoring_.clamp_projections) projection = projection.clamp_min(0);
      result.residual_patches[layer] = as_grid(projection, query.grid);
    }
  }

  result.text_map = pixel_map(result.text_patches, query.grid);
  result.visual_map = pixel_map(result.visual_patches, query.grid);
  result.residual_map = pixel_map(result.residual_patches, query.grid);
  result.map = fuse(weights_.pixel, result.text_map, result.visual_map, result.residual_map);
  if (scoring_.smooth_fused_map)
    result.map = gaussian_smooth(result.map, scoring_.smoothing_size, scoring_.smoothing_sigma);

  const at::Tensor global =
      global_residual(query.global, global_baseline(bank.global, scoring_.normalise_baseline));
  result.text_global = text_similarity(query.global, text_direction_);
  result.residual_global_raw = residual_projection(global, residual_direction_);
  result.residual_global =
      scoring_.clamp_projections ? result.residual_global_raw.clamp_min(0) : result.residual_global_raw;
  result.text_score = image_score(result.text_global, top_mean(result.text_map, scoring_.top_fraction));
  result.visual_score = top_mean(result.visual_map, scoring_.top_fraction);
  result.residual_score =
      image_score(result.residual_global, top_mean(result.residual_map, scoring_.top_fraction));
  result.score = fuse(weights_.image, result.text_score, result.visual_score, result.residual_score);
  return result;
}

at::Tensor Detector::pixel_map(const PatchMaps& patches, const Grid& grid) const {
  std::vector<at::Tensor> layers;
  for (const auto& [layer, scores] : patches) layers.push_back(scores);
  const at::Tensor map = anomaly_map(layers, grid, patch_size_);
  return scoring_.smooth_branch_maps ? gaussian_smooth(map, scoring_.smoothing_size, scoring_.smoothing_sigma)
                                     : map;
}

void Detector::expect_fit(const Features& query, const ReferenceBank& bank) const {
  if (query.grid != bank.grid)
    throw data_error("the reference bank holds images of " + text_of(bank.grid) + " patches, the query has " +
                     text_of(query.grid) + "; use one image size for both");
  if (query.global.size(1) != bank.global.size(1))
    throw data_error("the reference bank holds features of width " + std::to_string(bank.global.size(1)) +
                     ", the query has " + std::to_string(query.global.size(1)) +
                     "; use one backbone for both");
  for (const int layer : layers_.needed())
    if (!query.patches.contains(layer))
      throw data_error("the query's features lack layer " + std::to_string(layer) +
                       "; encode them with this layer");
  for (const int layer : layers_.matched())
    if (!bank.patches.contains(layer))
      throw data_error("the reference bank lacks layer " + std::to_string(layer) +
                       "; make it again with `res2clip bank` and these settings");
}

}  // namespace res2clip
