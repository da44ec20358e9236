#include "res2clip/train/objective.hpp"

#include <functional>
#include <sstream>
#include <string>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"
#include "res2clip/model/branches.hpp"
#include "res2clip/model/sound_features.hpp"

namespace res2clip {
namespace {

/// Gathers terms under their names and adds them up.
class Terms {
 public:
  explicit Terms(const at::Tensor& like) : sum_(at::zeros({}, like.options())) {}

  void add(const std::string& name, const at::Tensor& value, Objective& objective) {
    sum_ = sum_.add(value);
    objective.terms.emplace_back(name, value.detach());
  }
  const at::Tensor& sum() const { return sum_; }

 private:
  at::Tensor sum_;
};

std::string of_layer(const std::string& branch, int layer, const std::string& term) {
  return branch + "_l" + std::to_string(layer) + "_" + term;
}

/// uint8 [B, H, W] of 0 and 1: an absent mask counts as normal, so that anything else must be noticed.
void require_masks(const at::Tensor& masks, std::int64_t images, const Grid& grid) {
  if (!masks.defined() || masks.scalar_type() != at::kByte || masks.dim() != 3 || masks.size(0) != images ||
      masks.numel() == 0) {
    std::ostringstream found;
    if (masks.defined())
      found << masks.scalar_type() << ' ' << masks.sizes();
    else
      found << "an undefined tensor";
    throw data_error("the masks of a step are " + found.str() + "; they must be uint8 [" +
                     std::to_string(images) + ", H, W]");
  }
  if (masks.size(1) % grid.rows != 0 || masks.size(2) % grid.cols != 0 ||
      masks.size(1) / grid.rows != masks.size(2) / grid.cols)
    throw data_error("the masks of a step have " + std::to_string(masks.size(1)) + " x " +
                     std::to_string(masks.size(2)) + " pixels, which " + std::to_string(grid.rows) + " x " +
                     std::to_string(grid.cols) + " patches do not cover; use masks of the image size");
  if (masks.max().item<int>() > 1)
    throw data_error("the masks of a step hold values up to " + std::to_string(masks.max().item<int>()) +
                     "; they must be 0 (normal) and 1 (anomalous), as prepare_mask() makes them");
}

struct Context {
  const StepInput& input;
  const BatchLabels& labels;
  const Adapters& adapters;
  const at::Tensor& text_residual;
  const Layers& layers;
  const TrainOptions& options;

  at::Tensor pixels(const at::Tensor& patch_values) const {
    return patches_to_pixels(patch_values, input.query.grid, input.masks.size(1), input.masks.size(2),
                             options.upsampling);
  }
};

/// Eq. 13.
at::Tensor text_loss(const Context& c, Objective& objective) {
  const at::Tensor adapted = adapt_global(c.adapters.text_adapter, c.text_residual);
  Terms terms(c.text_residual);
  terms.add("text_global_hinge",
            text_hinge(c.labels.images, text_similarity(c.input.query.global, adapted), c.options.tau),
            objective);
  terms.add("text_cos_reg", direction_regulariser(adapted, c.text_residual).mul(c.labels.share), objective);
  for (const int layer : c.layers.text) {
    const at::Tensor similarity = c.pixels(text_similarity(c.input.query.patches.at(layer), adapted));
    terms.add(of_layer("text", layer, "hinge"), text_hinge(c.labels.pixels, similarity, c.options.tau),
              objective);
  }
  return terms.sum();
}

/// Eq. 14.
at::Tensor visual_loss(const Context& c, Objective& objective) {
  Terms terms(c.text_residual);
  for (const int layer : c.layers.visual) {
    const at::Tensor& raw = c.input.raw_residuals.at(layer);
    const at::Tensor adapted = adapt_local(c.adapters.vis_adapters.at(layer), raw, c.input.query.grid);
    const at::Tensor adapted_pixels = c.pixels(magnitude(adapted));
    terms.add(of_layer("vis", layer, "normal"), visual_normal(c.labels.pixels, adapted_pixels), objective);
    terms.add(of_layer("vis", layer, "anomalous"),
              visual_anomalous(c.labels.pixels, adapted_pixels, c.pixels(magnitude(raw))), objective);
  }
  return terms.sum();
}

at::Tensor adapt_with_gradient(bool wanted, const std::function<at::Tensor()>& adapt) {
  const at::AutoGradMode mode(wanted);
  return adapt();
}

/// Eq. 15. The hinges count for whichever side is trained; with both they belong to the visual side's sum.
void residual_losses(const Context& c, Phase phase, Objective& objective) {
  const bool train_visual = phase != Phase::text;
  const bool train_text = phase != Phase::visual;
  const at::Tensor text = adapt_with_gradient(
      train_text, [&] { return adapt_global(c.adapters.res_text_adapter, c.text_residual); });
  Terms hinges(c.text_residual);
  Terms visual_regularisers(c.text_residual);
  Terms text_regularisers(c.text_residual);

  const at::Tensor& raw_global = c.input.raw_global_residual;
  const at::Tensor adapted_global = adapt_with_gradient(
      train_visual, [&] { return adapt_global(c.adapters.res_vis_global_adapter, raw_global); });
  hinges.add("res_global_hinge",
             residual_hinge(c.labels.images, residual_projection(adapted_global, text), magnitude(raw_global),
                            c.options.tau),
             objective);
  if (train_visual)
    visual_regularisers.add("res_global_l1_reg",
                            magnitude_regulariser(adapted_global, raw_global).mul(c.labels.share), objective);
  if (train_text)
    text_regularisers.add("res_cos_reg", direction_regulariser(text, c.text_residual).mul(c.labels.share),
                          objective);

  for (const int layer : c.layers.residual) {
    const at::Tensor& raw = c.input.raw_residuals.at(layer);
    const at::Tensor adapted = adapt_with_gradient(train_visual, [&] {
      return adapt_local(c.adapters.res_vis_local_adapters.at(layer), raw, c.input.query.grid);
    });
    hinges.add(of_layer("res", layer, "hinge"),
               residual_hinge(c.labels.pixels, c.pixels(residual_projection(adapted, text)),
                              c.pixels(magnitude(raw)), c.options.tau),
               objective);
    if (train_visual)
      visual_regularisers.add(of_layer("res", layer, "l1_reg"),
                              magnitude_regulariser(adapted, raw).mul(c.labels.share), objective);
  }

  const at::Tensor zero = at::zeros({}, c.text_residual.options());
  objective.residual_visual = train_visual ? hinges.sum().add(visual_regularisers.sum()) : zero;
  objective.residual_text = !train_text    ? zero
                            : train_visual ? text_regularisers.sum()
                                           : hinges.sum().add(text_regularisers.sum());
}

}  // namespace

StepInput prepare_step(const Features& query, const Features& reference, const at::Tensor& masks,
                       const Layers& layers, const MatchOptions& retrieval) {
  const at::NoGradGuard no_grad;
  require_sound(query, layers.needed(), "the features of a step's images");
  require_sound(reference, layers.matched(), "the features of a step's references");
  if (query.batch() != reference.batch() || query.grid != reference.grid)
    throw data_error("a step has " + std::to_string(query.batch()) + " images and " +
                     std::to_string(reference.batch()) +
                     " references, or they have other grids; each image needs one of the same size");
  require_masks(masks, query.batch(), query.grid);
  StepInput input;
  input.query = query;
  input.masks = masks.to(query.global.device(), at::kFloat);
  input.raw_global_residual = query.global.sub(reference.global);
  for (const int layer : layers.matched()) {
    const at::Tensor& queries = query.patches.at(layer);
    const at::Tensor& references = reference.patches.at(layer);
    std::vector<at::Tensor> residuals;
    for (std::int64_t image = 0; image < query.batch(); ++image)
      residuals.push_back(
          match(queries.narrow(0, image, 1), references.select(0, image), query.grid, retrieval).residual);
    input.raw_residuals[layer] = at::cat(residuals);
  }
  return input;
}

BatchLabels label_part(const at::Tensor& masks, CountOver over, const Counts& pixels, const Counts& images) {
  return {label(masks, over, pixels), label(image_labels(masks), over, images),
          static_cast<double>(masks.size(0)) / images.images};
}

at::Tensor image_labels(const at::Tensor& masks) {
  return masks.flatten(1).amax(1);
}

Objective training_objective(const StepInput& input, const BatchLabels& labels, const Adapters& adapters,
                             const at::Tensor& text_residual, const Layers& layers, Phase phase,
                             const TrainOptions& options) {
  const Context context{input, labels, adapters, text_residual, layers, options};
  Objective objective;
  objective.visual = visual_loss(context, objective);
  objective.text = text_loss(context, objective);
  residual_losses(context, phase, objective);
  objective.total =
      objective.visual.add(objective.text).add(objective.residual_visual).add(objective.residual_text);
  return objective;
}

}  // namespace res2clip
