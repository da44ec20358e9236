#include "res2clip/train/trainer.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

Adapters trainable_copy(const Adapters& initial) {
  Adapters copy = initial;
  for_each_tensor(copy, [](const AdapterTensor&, at::Tensor& tensor) {
    tensor = tensor.detach().clone().requires_grad_(true);
  });
  return copy;
}

AdamOptions adam_options(const TrainOptions& options) {
  return {options.beta1, options.beta2, options.eps};
}

void expect_finite(const Figures& figures, std::int64_t step) {
  for (const auto& [name, value] : figures)
    if (!std::isfinite(value))
      throw runtime_error("step " + std::to_string(step) + ": " + name +
                          " is not finite; the features are broken or a learning rate is too high");
}

std::span<const std::int64_t> part_of(const std::vector<std::int64_t>& indices, std::int64_t first,
                                      std::int64_t count) {
  return std::span(indices).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
}

}  // namespace

Trainer::Trainer(const TrainingData& data, const TrainingSetup& setup, Communicator& processes)
    : data_(data),
      processes_(processes),
      text_residual_(setup.text_residual.detach()),
      layers_(setup.layers),
      retrieval_(setup.retrieval),
      options_(setup.options),
      adapters_(trainable_copy(setup.initial)),
      groups_{Group{"vis", Adam(adam_options(options_)), {}},
              Group{"res_vis", Adam(adam_options(options_)), {}},
              Group{"res_text", Adam(adam_options(options_)), {}},
              Group{"text", Adam(adam_options(options_)), {}}} {
  expect_fit(adapters_, text_residual_.size(0), layers_.visual, layers_.residual, "the initial weights");
  const StepTotals totals = step_totals(setup.steps_per_epoch, options_.epochs, options_.alternate);
  const std::int64_t warmup = setup.steps_per_epoch * options_.warmup_epochs;
  groups_[kVisual].schedule = {1.0, warmup, totals.visual_and_text};
  groups_[kResidualVisual].schedule = {1.0, warmup, totals.residual_visual};
  groups_[kResidualText].schedule = {1.0, warmup, totals.residual_text};
  groups_[kText].schedule = {1.0, warmup, totals.visual_and_text};
  const auto all = parts();
  for_each_tensor(adapters_, [&](const AdapterTensor& which, at::Tensor& tensor) {
    const auto* part =
        std::find_if(all.begin(), all.end(), [&](const Part& one) { return which.group == one.name; });
    groups_[part->group].adam.add(which.name(), tensor, part->rate);
  });
}

/// One optimiser steps the local and the global adapters of the residual branch, each at its own rate.
std::array<Trainer::Part, 5> Trainer::parts() const {
  return {{{"vis_adapters", "vis", kVisual, options_.rate_visual},
           {"res_vis_local_adapters", "res_vis", kResidualVisual, options_.rate_residual_local},
           {"res_vis_global_adapter", "res_vis_global", kResidualVisual, options_.rate_residual_global},
           {"res_text_adapter", "res_text", kResidualText, options_.rate_residual_text},
           {"text_adapter", "text", kText, options_.rate_text}}};
}

bool Trainer::runs(const Group& group, Phase phase) const {
  if (&group == &groups_[kResidualVisual]) return phase != Phase::text;
  if (&group == &groups_[kResidualText]) return phase != Phase::visual;
  return true;
}

Trainer::Share Trainer::share_of(const StepPairs& pairs) const {
  const auto batch = static_cast<std::int64_t>(pairs.query.size());
  const std::int64_t first = batch * processes_.rank() / processes_.size();
  const std::int64_t last = batch * (processes_.rank() + 1) / processes_.size();
  // In a small batch a process may have no image. It computes one that counts for nothing, so that all do the
  // same.
  return last > first ? Share{first, last - first} : Share{0, 1, false};
}

StepInput Trainer::load(const StepPairs& pairs, const Share& share) const {
  const auto query = part_of(pairs.query, share.first, share.count);
  const auto reference = part_of(pairs.reference, share.first, share.count);
  const at::NoGradGuard no_grad;
  const Features query_features = data_.features.of(data_.images_of(query));
  const Features reference_features = data_.features.of(data_.images_of(reference));
  return prepare_step(query_features, reference_features, data_.masks(query), layers_, retrieval_);
}

void Trainer::soon(const StepPairs& pairs) const {
  const Share share = share_of(pairs);
  for (const auto* images : {&pairs.query, &pairs.reference})
    data_.features.soon(data_.images_of(part_of(*images, share.first, share.count)));
}

BatchLabels Trainer::label_with_others(const at::Tensor& masks, bool counted) const {
  const Counts pixels = count(masks);
  const Counts images = count(image_labels(masks));
  const double weight = counted ? 1.0 : 0.0;
  at::Tensor all =
      at::tensor({pixels.normal, pixels.anomalous, images.normal, images.anomalous, images.images},
                 at::kDouble)
          .mul(weight);
  processes_.sum(all);
  const double* whole = all.const_data_ptr<double>();
  return label_part(masks, options_.count_over, {whole[0], whole[1], whole[4]},
                    {whole[2], whole[3], whole[4]});
}

bool Trainer::share_out(Objective& objective, Phase phase, bool stop) {
  if (processes_.size() == 1) return stop;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parts;
  for (Group& group : groups_) {
    if (!runs(group, phase)) continue;
    for (AdamParameter& parameter : group.adam.parameters())
      parts.push_back(parameter.weight.grad().defined() ? parameter.weight.grad().flatten()
                                                        : at::zeros_like(parameter.weight).flatten());
  }
  std::vector<at::Tensor> figures{objective.visual, objective.text, objective.residual_visual,
                                  objective.residual_text};
  for (const auto& [name, value] : objective.terms) figures.push_back(value);
  figures.push_back(objective.total.new_full({}, stop ? 1.0 : 0.0));
  parts.push_back(at::stack(figures));

  at::Tensor sums = at::cat(parts);
  processes_.sum(sums);

  std::int64_t offset = 0;
  const auto take = [&](std::int64_t count) {
    offset += count;
    return sums.narrow(0, offset - count, count);
  };
  for (Group& group : groups_) {
    if (!runs(group, phase)) continue;
    for (AdamParameter& parameter : group.adam.parameters())
      parameter.weight.mutable_grad() = take(parameter.weight.numel()).view(parameter.weight.sizes());
  }
  for (at::Tensor* loss :
       {&objective.visual, &objective.text, &objective.residual_visual, &objective.residual_text})
    *loss = take(1).squeeze(0);
  for (auto& [name, value] : objective.terms) value = take(1).squeeze(0);
  return take(1).item<float>() > 0;
}

Figures Trainer::rates() const {
  Figures figures;
  for (const Part& part : parts()) {
    const Group& group = groups_[part.group];
    figures.emplace_back(part.logged_as, part.rate * group.schedule.rate(group.adam.steps()));
  }
  return figures;
}

StepReport Trainer::step(const StepPairs& pairs, bool stop) {
  const Share share = share_of(pairs);
  const StepInput input = load(pairs, share);
  const BatchLabels labels = label_with_others(input.masks, share.counted);

  StepReport report{pairs.epoch, pairs.step, phase_of(pairs.epoch, options_.alternate), {}, {}, rates(),
                    {},          false};
  for (Group& group : groups_) group.adam.clear_gradients();
  Objective objective =
      training_objective(input, labels, adapters_, text_residual_, layers_, report.phase, options_);
  if (!share.counted) {
    for (at::Tensor* loss : {&objective.total, &objective.visual, &objective.text, &objective.residual_visual,
                             &objective.residual_text})
      *loss = loss->mul(0);
    for (auto& [name, value] : objective.terms) value = value.mul(0);
  }
  objective.total.backward();
  report.stop = share_out(objective, report.phase, stop);

  report.losses = {{"vis", objective.visual.item<double>()},
                   {"text", objective.text.item<double>()},
                   {"res_vis", objective.residual_visual.item<double>()},
                   {"res_text", objective.residual_text.item<double>()}};
  for (const auto& [name, value] : objective.terms) report.terms.emplace_back(name, value.item<double>());
  expect_finite(report.losses, report.step);
  for (Group& group : groups_) {
    if (!runs(group, report.phase)) continue;
    report.gradient_norms.emplace_back(group.name, group.adam.clip_gradients(options_.clip_norm));
    group.adam.step(group.schedule.rate(group.adam.steps()));
  }
  expect_finite(report.gradient_norms, report.step);
  return report;
}

std::map<std::string, at::Tensor> Trainer::gradients() const {
  std::map<std::string, at::Tensor> gradients;
  for (const Group& group : groups_)
    for (const AdamParameter& parameter : group.adam.parameters())
      if (parameter.weight.grad().defined())
        gradients[parameter.name] = parameter.weight.grad().detach().cpu().clone();
  return gradients;
}

Adapters Trainer::adapters() const {
  Adapters copy = adapters_;
  for_each_tensor(copy,
                  [](const AdapterTensor&, at::Tensor& tensor) { tensor = tensor.detach().cpu().clone(); });
  return copy;
}

}  // namespace res2clip
