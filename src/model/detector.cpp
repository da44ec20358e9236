#include "res2clip/model/detector.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "res2clip/compute/compute.hpp"
#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/unit_length.hpp"
#include "res2clip/model/branches.hpp"
#include "res2clip/model/smoothing.hpp"
#include "res2clip/model/sound_features.hpp"
#include "res2clip/settings/check.hpp"

#include "tiled_bank.hpp"

namespace res2clip {
namespace {

bool contains(const std::vector<int>& layers, int layer) {
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

at::Tensor as_grid(const at::Tensor& scores, const Grid& grid) {
  return scores.view({-1, grid.rows, grid.cols});
}

/// Of [B, D]; 0 of another shape.
std::int64_t width_of(const at::Tensor& global) {
  return global.dim() == 2 ? global.size(1) : 0;
}

std::string text_of(const Grid& grid) {
  return std::to_string(grid.rows) + "x" + std::to_string(grid.cols);
}

bool is_fine_tuned(Mode mode, bool has_adapters) {
  if (mode == Mode::training_free && has_adapters)
    throw settings_error(
        "scoring.mode is training_free, which uses no adapters; leave out the checkpoint or set it to auto");
  return mode == Mode::fine_tuned || has_adapters;
}

/// The global residuals [B, D] of a batch, adapted one by one on a CPU: the sums in a product of a few rows
/// depend on their number, and an image gets the same figures in any batch. A GPU would have too little to
/// do.
at::Tensor adapt_each(const GlobalAdapter& adapter, const at::Tensor& residuals) {
  if (!residuals.is_cpu()) return adapt_global(adapter, residuals);
  std::vector<at::Tensor> adapted;
  for (const auto& residual : residuals.split(1)) adapted.push_back(adapt_global(adapter, residual));
  return at::cat(adapted);
}

/// [D], finite and not zero: a direction among the features. `name`: residual, anomalous or normal.
void require_sound(const at::Tensor& anchor, const std::string& name) {
  if (!anchor.defined() || anchor.dim() != 1 || anchor.scalar_type() != at::kFloat || anchor.numel() == 0)
    throw data_error("the text anchors' " + name +
                     " must be float32 [D]; make anchors with encode_anchors()");
  const double length = anchor.norm().item<double>();
  if (!std::isfinite(length) || length <= 0)
    throw data_error("the text anchors' " + name +
                     " is zero or not finite; make anchors with encode_anchors()");
}

/// What the text branch compares features with.
at::Tensor anchor_of(const TextAnchors& anchors, TextAnchorKind kind) {
  if (kind == TextAnchorKind::anomalous) return anchors.anomalous;
  return kind == TextAnchorKind::normal ? anchors.normal : anchors.residual;
}

/// The text adapter learns on the residual: what it makes of an anchor means nothing.
void require_residual(TextAnchorKind anchor) {
  if (anchor != TextAnchorKind::residual)
    throw settings_error(
        "scoring.text_anchor is " + std::string(name_of(anchor)) +
        ", but the checkpoint's text adapter was trained for the residual; leave out one of the "
        "two");
}

/// A score that no branch adds to says nothing.
void require_a_branch(const BranchWeights& weights, const std::string& key) {
  if (weights.text == 0 && weights.visual == 0 && weights.residual == 0)
    throw settings_error(key + ": all weights are 0; at least one branch must count");
}

/// A batch whose patches outside are those nearest to them inside.
Features filled(Features batch, const RegionOfInterest& region) {
  for (auto& [layer, patches] : batch.patches) patches = filled(patches, region);
  return batch;
}

/// What is outside looks like the nearest patch inside, and does not reach in when maps are drawn.
void fill_patches(Detection& found, const RegionOfInterest& region) {
  for (PatchMaps* maps : {&found.text_patches, &found.visual_patches, &found.residual_patches})
    for (auto& [layer, scores] : *maps) scores = filled(scores.flatten(1), region).view(scores.sizes());
}

void calm_maps_outside(Detection& found, const RegionOfInterest& region) {
  for (at::Tensor* map : {&found.map, &found.text_map, &found.visual_map, &found.residual_map})
    *map = calm_outside(*map, region);
}

/// branch_top_means() over the pixels inside.
std::array<at::Tensor, 3> top_means_inside(const Detection& found, const RegionOfInterest& region,
                                           double fraction) {
  const auto mean = [&](const at::Tensor& map) { return top_mean(values_inside(map, region), fraction); };
  return {mean(found.text_map), mean(found.visual_map), mean(found.residual_map)};
}

constexpr at::Tensor Detection::*kTensors[] = {&Detection::map,
                                               &Detection::text_map,
                                               &Detection::visual_map,
                                               &Detection::residual_map,
                                               &Detection::score,
                                               &Detection::text_score,
                                               &Detection::visual_score,
                                               &Detection::residual_score,
                                               &Detection::text_global,
                                               &Detection::residual_global,
                                               &Detection::residual_global_raw};
constexpr PatchMaps Detection::*kPatchMaps[] = {&Detection::text_patches, &Detection::visual_patches,
                                                &Detection::residual_patches};

constexpr at::Tensor Detection::*kMaps[] = {&Detection::map, &Detection::text_map, &Detection::visual_map,
                                            &Detection::residual_map};
/// residual_global follows from the raw one.
constexpr at::Tensor Detection::*kGlobals[] = {&Detection::text_global, &Detection::residual_global_raw};

void require_inputs(const Features& inputs, const Tiling& tiling) {
  if (!inputs.global.defined() || inputs.global.dim() == 0)
    throw data_error("the query's features are empty; encode images first");
  if (inputs.batch() % tiling.inputs() != 0)
    throw data_error("the query has features of " + std::to_string(inputs.batch()) +
                     " inputs, and each image has " + std::to_string(tiling.inputs()) +
                     " with this bank's tiles; encode the images with the bank's tiling");
}

/// Some images of a batch, as views.
Features part_of(const Features& batch, std::int64_t first, std::int64_t count) {
  Features part;
  part.grid = batch.grid;
  part.global = batch.global.narrow(0, first, count);
  for (const auto& [layer, patches] : batch.patches) part.patches[layer] = patches.narrow(0, first, count);
  return part;
}

}  // namespace

Detection concatenate(const std::vector<Detection>& parts) try {
  if (parts.empty()) throw data_error("no detections to put together");
  Detection whole;
  const auto joined = [&](const auto& tensor_of) {
    std::vector<at::Tensor> tensors;
    for (const Detection& part : parts) tensors.push_back(tensor_of(part));
    return at::cat(tensors);
  };
  for (const auto member : kTensors)
    whole.*member = joined([&](const Detection& part) { return part.*member; });
  for (const auto member : kPatchMaps)
    for (const auto& [layer, scores] : parts.front().*member)
      (whole.*member)[layer] =
          joined([&, which = layer](const Detection& part) { return (part.*member).at(which); });
  return whole;
} catch (...) {
  rethrow_as_ours("putting detections together");
}

Detector::Detector(const TextAnchors& anchors, const ModelCard& card, const DetectorOptions& options,
                   std::optional<Adapters> adapters) try
    : retrieval_(options.retrieval),
      scoring_(options.scoring),
      patch_size_(card.sizes.patch_size),
      fine_tuned_(is_fine_tuned(options.scoring.mode, adapters.has_value())) {
  const at::NoGradGuard no_gradients;
  require_in_range(options.layers, "layers");
  require_in_range(options.retrieval, "retrieval");
  require_in_range(options.scoring, "scoring");
  require_sound(anchors.residual, "residual");
  require_sound(anchor_of(anchors, scoring_.text_anchor), std::string(name_of(scoring_.text_anchor)));
  if (patch_size_ < 1 || card.sizes.vision_layers < 1)
    throw data_error("the model card has no patch size or no layers; take the card of a backbone");
  layers_ = resolve_layers(options.layers, card.sizes.vision_layers, fine_tuned_);
  weights_ = fine_tuned_ ? scoring_.fine_tuned : scoring_.training_free;
  const std::string mode = fine_tuned_ ? "scoring.fine_tuned" : "scoring.training_free";
  require_a_branch(weights_.image, mode + ".image");
  require_a_branch(weights_.pixel, mode + ".pixel");
  gaussian_window(scoring_.smoothing_size, scoring_.smoothing_sigma);  // refuses an even size here and now
  at::Tensor text = anchor_of(anchors, scoring_.text_anchor);
  at::Tensor residual = anchors.residual;
  if (adapters) {
    require_residual(scoring_.text_anchor);
    require_fit(*adapters, text.size(0), layers_.visual, layers_.residual, "the checkpoint");
    adapters_ = to_device(*adapters, text.device());
    text = adapt_global(adapters_->text_adapter, text);
    residual = adapt_global(adapters_->res_text_adapter, residual);
  }
  text_direction_ = unit_length(text);
  residual_direction_ = unit_length(residual);
} catch (...) {
  rethrow_as_ours("setting up the detector");
}

ReferenceBank Detector::remember(const Features& normals) const {
  return make_bank(normals, layers_.matched());
}

ReferenceBank Detector::remember(const Features& inputs, const Tiling& tiling) const {
  return make_bank(inputs, layers_.matched(), tiling);
}

Detection Detector::detect(const Features& query, const ReferenceBank& bank) const {
  if (bank.tiling)
    throw data_error(
        "this bank has tiles, and its images are compared by the features of all their inputs; use Product, "
        "Pipeline::detect or Detector::detect_inputs");
  return detect(query, &bank);
}

Detection Detector::detect_reference(const ReferenceBank& bank, std::int64_t shot) const {
  return detect_inputs(inputs_of_shot(bank, shot), without_shot(bank, shot));
}

Detection Detector::detect_inputs(const Features& inputs, const ReferenceBank& bank) const try {
  if (!bank.tiling) return detect(inputs, bank);
  const at::NoGradGuard no_gradients;
  const TileLayout& layout = bank.tiling->layout;
  const std::int64_t each = bank.tiling->inputs();
  require_inputs(inputs, *bank.tiling);
  Detection found = detect(input_of_each(inputs, each, 0), without_tiles(bank));
  std::array<std::vector<at::Tensor>, std::size(kMaps)> maps;
  for (std::int64_t place = 0; place < layout.count(); ++place) {
    const Detection tile = detect(input_of_each(inputs, each, 1 + place), bank_of_place(bank, place));
    for (std::size_t i = 0; i < maps.size(); ++i) maps[i].push_back(tile.*kMaps[i]);
    for (const auto global : kGlobals) found.*global = at::maximum(found.*global, tile.*global);
  }
  for (std::size_t i = 0; i < maps.size(); ++i) found.*kMaps[i] = stitched(maps[i], layout);
  score_images(weights_.image, std::nullopt, found);
  return found;
} catch (...) {
  rethrow_as_ours("comparing tiles of images with the references");
}

Detection Detector::detect(const Features& query) const {
  return detect(query, nullptr);
}

Detection Detector::detect(const Features& query, const ReferenceBank* bank) const try {
  const at::NoGradGuard no_gradients;
  require_not_forked();
  bank != nullptr ? require_comparable(query, *bank) : require_fitting(query);
  if (query.batch() == 0) return detect_at_once(query, bank);
  std::vector<Detection> parts;
  limit_->run(query.batch(), [&](std::int64_t first, std::int64_t count) {
    parts.push_back(detect_at_once(count == query.batch() ? query : part_of(query, first, count), bank));
  });
  return parts.size() == 1 ? std::move(parts.front()) : concatenate(parts);
} catch (...) {
  rethrow_as_ours("comparing images with the references");
}

Detection Detector::detect_at_once(const Features& images, const ReferenceBank* bank) const {
  constexpr BranchWeights kTextAlone{1.0, 0.0, 0.0};
  const std::optional<RegionOfInterest> region = bank != nullptr ? bank->region : std::nullopt;
  const Features query = region ? filled(images, *region) : images;
  Detection found;
  score_text_patches(query, found);
  if (bank != nullptr) {
    score_patches(query, *bank, found);
    found.residual_global_raw = global_residuals(query, *bank);
  } else {
    const at::Tensor nothing = at::zeros_like(found.text_patches.begin()->second);
    for (const int layer : layers_.visual) found.visual_patches[layer] = nothing;
    for (const int layer : layers_.residual) found.residual_patches[layer] = nothing;
    found.residual_global_raw = at::zeros({query.batch()}, query.global.options());
  }
  if (region) fill_patches(found, *region);
  draw_maps(query.grid, bank != nullptr ? weights_.pixel : kTextAlone, found);
  if (region) calm_maps_outside(found, *region);
  found.text_global = text_alignment(query.global, text_direction_, scoring_.text_anchor);
  score_images(bank != nullptr ? weights_.image : kTextAlone, region, found);
  return found;
}

std::optional<double> Detector::reference_peak(const ReferenceBank& bank) const try {
  constexpr std::int64_t kMostReferences = 4;
  for (const int layer : layers_.needed())
    if (!bank.patches.contains(layer)) return std::nullopt;
  const std::int64_t shots = bank.shots();
  if (shots < 2) return std::nullopt;
  double peak = 0;
  for (std::int64_t one = 0; one < std::min(shots, kMostReferences); ++one) {
    peak = std::max(peak, detect_reference(bank, one).map.max().item<double>());
  }
  return peak;
} catch (...) {
  rethrow_as_ours("comparing references with each other");
}

void Detector::score_text_patches(const Features& query, Detection& found) const {
  for (const int layer : layers_.text)
    found.text_patches[layer] =
        as_grid(text_alignment(query.patches.at(layer), text_direction_, scoring_.text_anchor), query.grid);
}

Match Detector::matched(const Features& query, const ReferenceBank& bank, int layer) const {
  const at::Tensor &patches = query.patches.at(layer), &references = bank.patches.at(layer);
  return bank.region ? match_within(patches, references, query.grid, retrieval_, *bank.region)
                     : match(patches, references, query.grid, retrieval_);
}

void Detector::score_patches(const Features& query, const ReferenceBank& bank, Detection& found) const {
  const Grid& grid = query.grid;
  for (const int layer : layers_.matched()) {
    const Match matched = this->matched(query, bank, layer);
    if (contains(layers_.visual, layer))
      found.visual_patches[layer] = as_grid(
          adapters_
              ? residual_magnitude(adapt_local(adapters_->vis_adapters.at(layer), matched.residual, grid))
              : matched.residual_norm,
          grid);
    if (contains(layers_.residual, layer)) {
      const at::Tensor residual =
          adapters_ ? adapt_local(adapters_->res_vis_local_adapters.at(layer), matched.residual, grid)
                    : matched.residual;
      found.residual_patches[layer] = as_grid(
          clamped(residual_alignment(residual, residual_direction_, scoring_.residual_alignment)), grid);
    }
  }
}

void Detector::draw_maps(const Grid& grid, const BranchWeights& weights, Detection& found) const {
  const AnomalyMaps maps =
      res2clip::draw_maps({found.text_patches, found.visual_patches, found.residual_patches},
                          {grid, patch_size_, weights, scoring_});
  found.text_map = maps.text;
  found.visual_map = maps.visual;
  found.residual_map = maps.residual;
  found.map = maps.fused;
}

at::Tensor Detector::global_residuals(const Features& query, const ReferenceBank& bank) const {
  at::Tensor residual =
      global_residual(query.global, global_baseline(bank.global, scoring_.normalise_baseline));
  if (adapters_) residual = adapt_each(adapters_->res_vis_global_adapter, residual);
  return residual_alignment(residual, residual_direction_, scoring_.residual_alignment);
}

void Detector::score_images(const BranchWeights& weights, const std::optional<RegionOfInterest>& region,
                            Detection& found) const {
  found.residual_global = clamped(found.residual_global_raw);
  const auto [text, visual, residuals] =
      region ? top_means_inside(found, *region, scoring_.top_fraction)
             : branch_top_means({found.text_map, found.visual_map, found.residual_map, found.map},
                                scoring_.top_fraction);
  found.text_score = image_score(found.text_global, text);
  found.visual_score = visual;
  found.residual_score = image_score(found.residual_global, residuals);
  found.score = fuse(weights, found.text_score, found.visual_score, found.residual_score);
}

at::Tensor Detector::clamped(const at::Tensor& projections) const {
  return scoring_.clamp_projections ? projections.clamp_min(0) : projections;
}

void Detector::require_fitting(const Features& query) const {
  const auto width = text_direction_.size(0);
  if (!query.global.defined()) throw data_error("the query's features are empty; encode images first");
  if (width_of(query.global) != width)
    throw data_error("features are " + std::to_string(width_of(query.global)) +
                     " numbers wide in the query and " + std::to_string(width) +
                     " in the text anchors; use one backbone for all");
  require_sound(query, layers_.needed(), "the query's features");
  require_same_device(query.global);
}

void Detector::require_comparable(const Features& query, const ReferenceBank& bank) const {
  if (query.grid != bank.grid)
    throw data_error("the reference bank holds images of " + text_of(bank.grid) + " patches, the query has " +
                     text_of(query.grid) + "; use one image size for both");
  const auto width = text_direction_.size(0);
  if (!query.global.defined() || !bank.global.defined())
    throw data_error("the query's features or the reference bank are empty; encode images first");
  if (width_of(query.global) != width || width_of(bank.global) != width)
    throw data_error("features are " + std::to_string(width_of(query.global)) +
                     " numbers wide in the query, " + std::to_string(width_of(bank.global)) +
                     " in the reference bank and " + std::to_string(width) +
                     " in the text anchors; use one backbone for all");
  require_sound(query, layers_.needed(), "the query's features");
  require_sound(bank, layers_.matched());
  require_same_device(query.global);
  require_same_device(bank.global);
  require_region(bank);
}

void Detector::require_region(const ReferenceBank& bank) const {
  if (!bank.region) return;
  const at::Tensor& pixels = bank.region->pixels;
  if (pixels.size(0) != bank.grid.rows * patch_size_ || pixels.size(1) != bank.grid.cols * patch_size_)
    throw data_error("the reference bank's region of interest is " + std::to_string(pixels.size(1)) + "x" +
                     std::to_string(pixels.size(0)) + " pixels large, maps are " +
                     std::to_string(bank.grid.cols * patch_size_) + "x" +
                     std::to_string(bank.grid.rows * patch_size_) + "; make the bank again");
}

void Detector::require_same_device(const at::Tensor& global) const {
  if (global.device() != text_direction_.device())
    throw data_error("features are on " + global.device().str() + ", the text anchors on " +
                     text_direction_.device().str() + "; move them there (to_device, ReferenceBank::to)");
}

}  // namespace res2clip
