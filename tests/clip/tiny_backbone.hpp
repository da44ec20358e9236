#pragma once

#include "res2clip/clip/archive.hpp"
#include "res2clip/clip/backbone.hpp"

#include "support/formula.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip::testing {

/// The weights of the goldens' tiny CLIP.
inline ClipWeights tiny_weights() {
  ClipWeights weights;
  weights.tensors = formula_clip(kTinyClip);
  weights.tensors.erase("logit_scale");
  weights.sizes = clip_sizes(weights.tensors, "tiny");
  weights.name = "tiny";
  weights.sha256 = "formula";
  return weights;
}

/// The goldens' tiny CLIP, exported and loaded again.
inline Backbone tiny_backbone(const ExportOptions& options = {.image_size = 70}) {
  const TemporaryFolder folder;
  export_backbone(tiny_weights(), options, folder / "tiny.pt");
  return Backbone::load(folder / "tiny.pt", {.device = "cpu"});
}

}  // namespace res2clip::testing
