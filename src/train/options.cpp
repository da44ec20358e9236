#include "res2clip/train/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, TrainOptions& options) {
  const auto rate = [&](std::string_view name, double& value, std::string_view help) {
    fields.field(name, value, {0.0, 1.0}, help);
  };
  fields.field("epochs", options.epochs, {1, 100000}, "passes over the data");
  fields.field("batch_size", options.batch_size, {1, 65536}, "images per step, of all processes together");
  fields.field("seed", options.seed, {0}, "of initial weights, order and references");
  rate("rate_visual", options.rate_visual, "learning rate of the visual branch's adapters");
  rate("rate_residual_local", options.rate_residual_local, "of the residual branch's local visual adapters");
  rate("rate_residual_global", options.rate_residual_global,
       "of the residual branch's global visual adapter");
  rate("rate_residual_text", options.rate_residual_text, "of the residual branch's text adapter");
  rate("rate_text", options.rate_text, "of the text branch's adapter");
  fields.field("beta1", options.beta1, {0.0, 0.999999}, "Adam's decay of the gradient's mean");
  fields.field("beta2", options.beta2, {0.0, 0.999999}, "Adam's decay of the gradient's mean square");
  fields.field("eps", options.eps, {1e-30, 1.0}, "Adam's guard against division by zero");
  fields.field("clip_norm", options.clip_norm, {1e-12, 1e12}, "largest gradient norm of a group of adapters");
  fields.field("warmup_epochs", options.warmup_epochs, {0, 100000}, "epochs in which the rates rise from 0");
  fields.field("alternate", options.alternate,
               "residual branch: even epochs train its visual adapters, odd ones its text adapter");
  fields.field("tau", options.tau, {0.0, 1e6},
               "margin of the text losses, factor of the residual losses' margin");
  fields.field("count_over", options.count_over, "what the losses' pixel counts count");
  fields.field("upsampling", options.upsampling, "how values per patch meet the mask's pixels");
}

}  // namespace res2clip
