#pragma once

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/backbone.hpp"

#include "support/formula.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip::testing {

inline ClipWeights formula_weights(const ClipSize& size, const std::string& name) {
  ClipWeights weights;
  weights.tensors = formula_clip(size);
  weights.tensors.erase("logit_scale");
  weights.sizes = clip_sizes(weights.tensors, name);
  weights.origin.name = name;
  weights.origin.sha256 = "formula";
  return weights;
}

/// The weights of the goldens' tiny CLIP.
inline ClipWeights tiny_weights() {
  return formula_weights(kTinyClip, "tiny");
}

/// The goldens' tiny CLIP, exported and loaded again.
inline Backbone tiny_backbone(const ExportOptions& options, const ComputeOptions& compute) {
  const TemporaryFolder folder;
  export_backbone(tiny_weights(), options, folder / "tiny.pt");
  return Backbone::load(folder / "tiny.pt", compute);
}
inline Backbone tiny_backbone(const ExportOptions& options = {.image_size = 70}) {
  return tiny_backbone(options, {.device = "cpu"});
}
inline Backbone tiny_backbone(c10::Device device, Precision precision = Precision::fp32) {
  return tiny_backbone({.image_size = 70}, {.device = device.str(), .precision = precision});
}

/// The full-size CLIP of the goldens (ViT-L/14): 1.7 GB of weights by formula.
inline Backbone full_backbone(c10::Device device, Precision precision = Precision::fp32) {
  const TemporaryFolder folder;
  export_backbone(formula_weights(kFullClip, "full"), {}, folder / "full.pt");
  return Backbone::load(folder / "full.pt", {.device = device.str(), .precision = precision});
}

}  // namespace res2clip::testing
