#include "res2clip/train/trainer.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "res2clip/compute/foreign_errors.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/settings/check.hpp"

namespace res2clip {
namespace {

Adapters trainable_copy(const Adapters& initial) {
  Adapters copy = initial;
  for_each_tensor(copy, [](const AdapterTensor&, at::Tensor& tensor) {
    tensor = tensor.detach().clone().requires_grad_(true);
  });
  return copy;
}

/// Adds tensors of one type up over the processes, all in one message.
class PackedSum {
 public:
  /// `value` must live until over(), which replaces it by its sum.
  void add(at::Tensor& value) { values_.push_back(&value); }

  void over(Communicator& processes) {
    std::vector<at::Tensor> flat;
    for (const at::Tensor* value : values_) flat.push_back(value->flatten());
    at::Tensor sums = at::cat(flat);
    processes.sum(sums);
    std::int64_t offset = 0;
    for (at::Tensor* value : values_) {
      const std::int64_t count = value->numel();
      *value = sums.narrow(0, offset, count).view(value->sizes());
      offset += count;
    }
  }

 private:
  std::vector<at::Tensor*> values_;
};

/// [D], without a gradient.
at::Tensor checked_residual(const at::Tensor& residual) {
  if (!residual.defined() || residual.dim() != 1 || residual.scalar_type() != at::kFloat ||
      !at::isfinite(residual).all().item<bool>())
    throw data_error("the text residual to train with must be float32 [D] of finite numbers");
  return residual.detach();
}

std::array<at::Tensor*, 4> losses_of(Objective& objective) {
  return {&objective.visual, &objective.text, &objective.residual_visual, &objective.residual_text};
}

void require_finite(const Figures& figures, std::int64_t step) {
  for (const auto& [name, value] : figures)
    if (!std::isfinite(value))
      throw runtime_error("step " + std::to_string(step) + ": " + name +
                          " is not finite; the features are broken or a learning rate is too high");
}

void require_pairs(const StepPairs& pairs, std::size_t samples) {
  if (pairs.query.empty() || pairs.query.size() != pairs.reference.size())
    throw data_error("a step needs as many references as images, at least one");
  for (const auto* indices : {&pairs.query, &pairs.reference})
    for (const std::int64_t index : *indices)
      if (index < 0 || index >= static_cast<std::int64_t>(samples))
        throw data_error("a step names image " + std::to_string(index) + "; there are " +
                         std::to_string(samples) + ", counted from 0");
}

void require_count(const Features& features, std::int64_t images) {
  const std::int64_t given = features.global.defined() ? features.batch() : 0;
  if (given != images)
    throw data_error("the source of features gave those of " + std::to_string(given) + " images for " +
                     std::to_string(images));
}

std::span<const std::int64_t> part_of(const std::vector<std::int64_t>& indices, std::int64_t first,
                                      std::int64_t count) {
  return std::span(indices).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
}

}  // namespace

Trainer::Trainer(const TrainingData& data, const TrainingSetup& setup, Communicator& processes)
    : data_(data),
      processes_(processes),
      text_residual_(checked_residual(setup.text_residual)),
      layers_(setup.layers),
      retrieval_(setup.retrieval),
      options_(setup.options),
      adapters_(trainable_copy(setup.initial)),
      groups_(groups_of(setup.steps_per_epoch)) {
  require_in_range(options_, "train");
  require_in_range(retrieval_, "retrieval");
  require_fit(adapters_, text_residual_.size(0), layers_.visual, layers_.residual, "the initial weights");
  const std::vector<Part> all = parts();
  for_each_tensor(adapters_, [&](const AdapterTensor& which, at::Tensor& tensor) {
    const auto part =
        std::find_if(all.begin(), all.end(), [&](const Part& one) { return one.adapters == which.group; });
    TORCH_INTERNAL_ASSERT(part != all.end());
    group(part->group).adam.add(which.name(), tensor, part->rate);
  });
}

/// In the order of state.pt.
std::vector<Trainer::Group> Trainer::groups_of(std::int64_t steps_per_epoch) const {
  const StepTotals totals = step_totals(steps_per_epoch, options_.epochs, options_.alternate);
  const std::int64_t warmup = steps_per_epoch * options_.warmup_epochs;
  const Adam adam({options_.beta1, options_.beta2, options_.eps});
  const std::vector<Phase> always{Phase::visual, Phase::text, Phase::both};
  return {{"vis", always, {1.0, warmup, totals.visual_and_text}, adam},
          {"res_vis", {Phase::visual, Phase::both}, {1.0, warmup, totals.residual_visual}, adam},
          {"res_text", {Phase::text, Phase::both}, {1.0, warmup, totals.residual_text}, adam},
          {"text", always, {1.0, warmup, totals.visual_and_text}, adam}};
}

/// One optimiser steps the local and the global adapters of the residual branch, each at its own rate.
std::vector<Trainer::Part> Trainer::parts() const {
  return {{AdapterGroup::visual, "vis", "vis", options_.rate_visual},
          {AdapterGroup::residual_local, "res_vis", "res_vis", options_.rate_residual_local},
          {AdapterGroup::residual_global, "res_vis_global", "res_vis", options_.rate_residual_global},
          {AdapterGroup::residual_text, "res_text", "res_text", options_.rate_residual_text},
          {AdapterGroup::text, "text", "text", options_.rate_text}};
}

bool Trainer::Group::runs(Phase phase) const {
  return std::find(phases.begin(), phases.end(), phase) != phases.end();
}

Trainer::Group& Trainer::group(const std::string& name) {
  const auto found =
      std::find_if(groups_.begin(), groups_.end(), [&](const Group& one) { return one.name == name; });
  TORCH_INTERNAL_ASSERT(found != groups_.end());
  return *found;
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
  const at::Tensor masks = data_.masks(query);
  require_count(query_features, share.count);
  return as_ours("comparing a step's images with their references", [&] {
    return prepare_step(query_features, reference_features, masks, layers_, retrieval_);
  });
}

void Trainer::soon(const StepPairs& pairs) const {
  const Share share = share_of(pairs);
  for (const auto* images : {&pairs.query, &pairs.reference})
    data_.features.soon(data_.images_of(part_of(*images, share.first, share.count)));
}

BatchLabels Trainer::label_with_others(const at::Tensor& masks, bool counted) const {
  const Counts pixels = label_counts(masks);
  const Counts images = label_counts(image_labels(masks));
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

bool Trainer::sum_over_processes(Objective& objective, Phase phase, bool stop) {
  if (processes_.size() == 1) return stop;
  const at::NoGradGuard no_grad;
  PackedSum sums;
  for (Group& group : groups_) {
    if (!group.runs(phase)) continue;
    for (AdamParameter& parameter : group.adam.parameters()) {
      at::Tensor& gradient = parameter.weight.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(parameter.weight);
      sums.add(gradient);
    }
  }
  for (at::Tensor* loss : losses_of(objective)) sums.add(*loss);
  for (auto& [name, value] : objective.terms) sums.add(value);
  at::Tensor stops = objective.total.new_full({}, stop ? 1.0 : 0.0);
  sums.add(stops);
  sums.over(processes_);
  return stops.item<float>() > 0;
}

Figures Trainer::rates() {
  Figures figures;
  for (const Part& part : parts()) {
    const Group& stepped = group(part.group);
    figures.emplace_back(part.logged_as, part.rate * stepped.schedule.rate(stepped.adam.steps()));
  }
  return figures;
}

StepReport Trainer::step(const StepPairs& pairs, bool stop) {
  require_pairs(pairs, data_.samples.size());
  const Share share = share_of(pairs);
  const StepInput input = load(pairs, share);
  return as_ours("a training step", [&] { return take_step(pairs, share, input, stop); });
}

StepReport Trainer::take_step(const StepPairs& pairs, const Share& share, const StepInput& input, bool stop) {
  const BatchLabels labels = label_with_others(input.masks, share.counted);

  StepReport report{pairs.epoch, pairs.step, phase_of(pairs.epoch, options_.alternate), {}, {}, rates(),
                    {},          false};
  for (Group& group : groups_) group.adam.clear_gradients();
  Objective objective =
      training_objective(input, labels, adapters_, text_residual_, layers_, report.phase, options_);
  if (!share.counted) {
    objective.total = objective.total.mul(0);
    for (at::Tensor* loss : losses_of(objective)) *loss = loss->mul(0);
    for (auto& [name, value] : objective.terms) value = value.mul(0);
  }
  objective.total.backward();
  report.stop = sum_over_processes(objective, report.phase, stop);

  report.losses = {{"vis", objective.visual.item<double>()},
                   {"text", objective.text.item<double>()},
                   {"res_vis", objective.residual_visual.item<double>()},
                   {"res_text", objective.residual_text.item<double>()}};
  for (const auto& [name, value] : objective.terms) report.terms.emplace_back(name, value.item<double>());
  require_finite(report.losses, report.step);
  for (Group& group : groups_) {
    if (!group.runs(report.phase)) continue;
    report.gradient_norms.emplace_back(group.name, group.adam.clip_gradients(options_.clip_norm));
    group.adam.step(group.schedule.rate(group.adam.steps()));
  }
  require_finite(report.gradient_norms, report.step);
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
