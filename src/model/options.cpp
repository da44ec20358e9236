#include "res2clip/model/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

namespace {

constexpr Range<std::int64_t> kBlocks{1, 1000};

}  // namespace

void describe(Fields& fields, TextOptions& options) {
  fields.field("normalise_encodings", options.normalise_encodings,
               "unit length of each prompt before the mean");
  fields.field("normalise_residual", options.normalise_residual, "unit length of the text residual");
}

void describe(Fields& fields, LayerOptions& options) {
  fields.field("text", options.text, kBlocks, "blocks of the text branch, from 1; empty: the last");
  fields.field("visual", options.visual, kBlocks,
               "blocks of the visual branch; empty: quarters of the depth");
  fields.field("residual_training_free", options.residual_training_free, kBlocks,
               "blocks of the residual branch without adapters; empty: the last");
  fields.field("residual_fine_tuned", options.residual_fine_tuned, kBlocks,
               "blocks of the residual branch with adapters; empty: quarters of the depth");
}

void describe(Fields& fields, BranchWeights& weights) {
  fields.field("text", weights.text, {0.0, 1e6}, "weight of the text branch");
  fields.field("visual", weights.visual, {0.0, 1e6}, "weight of the visual branch");
  fields.field("residual", weights.residual, {0.0, 1e6}, "weight of the residual branch");
}

void describe(Fields& fields, FusionWeights& weights) {
  fields.group("image", weights.image);
  fields.group("pixel", weights.pixel);
}

void describe(Fields& fields, ScoringOptions& options) {
  fields.field("mode", options.mode,
               "layers and weights; auto: fine_tuned with a checkpoint, else training_free");
  fields.group("training_free", options.training_free);
  fields.group("fine_tuned", options.fine_tuned);
  fields.field("text_anchor", options.text_anchor,
               "of the text branch: the residual of both anchors, or one of them (Table 11)");
  fields.field("residual_alignment", options.residual_alignment,
               "of the residual branch with the text residual (Table 3); training always projects");
  fields.field("clamp_projections", options.clamp_projections,
               "projections of the residual branch at least 0");
  fields.field("normalise_baseline", options.normalise_baseline, "unit length of the mean global reference");
  fields.field("smooth_branch_maps", options.smooth_branch_maps, "Gaussian over each branch's map");
  fields.field("smooth_fused_map", options.smooth_fused_map, "Gaussian over the fused map");
  fields.field("smoothing_size", options.smoothing_size, {1, 255},
               "side of the Gaussian window in pixels, odd");
  fields.field("smoothing_sigma", options.smoothing_sigma, {1e-3, 1e3}, "of the Gaussian, in pixels");
  fields.field("top_fraction", options.top_fraction, {0.0, 1.0},
               "share of highest pixels in a branch's image score");
}

}  // namespace res2clip
