#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/features.hpp"
#include "res2clip/model/adapters.hpp"
#include "res2clip/model/layers.hpp"
#include "res2clip/retrieval/match.hpp"
#include "res2clip/train/losses.hpp"
#include "res2clip/train/options.hpp"
#include "res2clip/train/schedule.hpp"

namespace res2clip {

/// What a step needs of its images, all of it fixed: nothing here has a gradient.
struct StepInput {
  Features query;                           ///< B images
  std::map<int, at::Tensor> raw_residuals;  ///< layer -> R_v,l [B, N, D] against each image's own reference
  at::Tensor raw_global_residual;           ///< R_v,cls [B, D]
  at::Tensor masks;                         ///< [B, H, W] float32, 0 or 1
};

/// Matches each query image against its own reference image, on the layers given, and takes residuals (Eq.
/// 4). Both batches hold B images; masks are uint8 [B, H, W] of 0 and 1. Throws a data error if they do not,
/// lack a layer, or hold numbers that are not finite.
StepInput prepare_step(const Features& query, const Features& reference, const at::Tensor& masks,
                       const Layers& layers, const MatchOptions& retrieval);

/// Labels of a step's images, with the counts of the whole batch.
struct BatchLabels {
  Labels pixels;       ///< [B, H, W]
  Labels images;       ///< [B]: the maximum of each mask
  double share = 1.0;  ///< images here / images of the whole batch: the weight of means over images
};

/// [B]: the maximum of each mask [B, H, W].
at::Tensor image_labels(const at::Tensor& masks);

/// Labels of some of a batch's images, with the counts of all.
BatchLabels label_part(const at::Tensor& masks, CountOver over, const Counts& pixels, const Counts& images);

/// The losses of a step. Terms are scalars without gradient, under the names of the log file
/// ("text_global_hinge", "vis_l6_normal", "res_l6_hinge", ...).
struct Objective {
  at::Tensor total;  ///< Eq. 16, to be differentiated
  std::vector<std::pair<std::string, at::Tensor>> terms;
  at::Tensor visual;           ///< Eq. 14
  at::Tensor text;             ///< Eq. 13
  at::Tensor residual_visual;  ///< Eq. 15 of the visual adapters; zero if the phase leaves it out
  at::Tensor residual_text;    ///< Eq. 15 of the text adapter; zero if the phase leaves it out
};

/// Computes Eqs. 13 to 16 for the adapters that `phase` trains; the residual branch's other side runs without
/// gradient (the stop-gradient of Eq. 15). `text_residual` is R_t [D].
Objective training_objective(const StepInput& input, const BatchLabels& labels, const Adapters& adapters,
                             const at::Tensor& text_residual, const Layers& layers, Phase phase,
                             const TrainOptions& options);

}  // namespace res2clip
