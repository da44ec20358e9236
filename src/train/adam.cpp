#include "res2clip/train/adam.hpp"

#include <cmath>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

namespace res2clip {

void Adam::add(const std::string& name, const at::Tensor& weight, double rate) {
  parameters_.push_back({name, weight, at::zeros_like(weight), at::zeros_like(weight), rate});
}

void Adam::step(double share) {
  const at::NoGradGuard no_grad;
  ++steps_;
  const auto steps = static_cast<double>(steps_);
  const double correction1 = 1.0 - std::pow(options_.beta1, steps);
  const double correction2_root = std::sqrt(1.0 - std::pow(options_.beta2, steps));
  for (AdamParameter& parameter : parameters_) {
    at::Tensor gradient = parameter.weight.grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameter.weight);
    parameter.mean.lerp_(gradient, 1.0 - options_.beta1);
    parameter.square.mul_(options_.beta2).addcmul_(gradient, gradient, 1.0 - options_.beta2);
    const at::Tensor denominator = parameter.square.sqrt().div_(correction2_root).add_(options_.eps);
    parameter.weight.addcdiv_(parameter.mean, denominator, -(parameter.rate * share) / correction1);
  }
}

double Adam::clip_gradients(double limit) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> norms;
  for (const AdamParameter& parameter : parameters_)
    if (parameter.weight.grad().defined()) norms.push_back(parameter.weight.grad().norm());
  if (norms.empty()) return 0.0;
  const at::Tensor total = at::stack(norms).norm();
  const at::Tensor factor = total.add(1e-6).reciprocal().mul(limit).clamp_max(1.0);
  for (AdamParameter& parameter : parameters_)
    if (parameter.weight.grad().defined()) parameter.weight.mutable_grad().mul_(factor);
  return total.item<double>();
}

void Adam::clear_gradients() {
  for (AdamParameter& parameter : parameters_) parameter.weight.mutable_grad() = at::Tensor();
}

}  // namespace res2clip
