// What a trainer saves and takes up again.
#include <memory>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include "res2clip/core/error.hpp"
#include "res2clip/train/trainer.hpp"

namespace res2clip {
namespace {

using Dict = PickleValue::Dict;

/// Beside the optimisers in a state: encoded again, on other threads or another processor, it would have
/// other last bits.
constexpr const char* kTextResidual = "text_residual";

PickleValue as_value(Dict entries) {
  return PickleValue(std::make_shared<Dict>(std::move(entries)));
}

void require_finite(const at::Tensor& tensor, const std::string& what, const std::string& source) {
  if (!at::isfinite(tensor).all().item<bool>())
    throw data_error(source + ": the " + what +
                     " holds numbers that are not finite; start anew without --resume");
}

/// The tensor of a state under group, kind and name, if it has the shape of `like`.
const at::Tensor& saved_tensor(const PickleValue& group, const std::string& kind, const std::string& name,
                               const at::Tensor& like, const std::string& source) {
  const PickleValue* tensors = group.find(kind);
  const PickleValue* value = tensors != nullptr ? tensors->find(name) : nullptr;
  if (value == nullptr || value->tensor() == nullptr)
    throw data_error(source + ": has no " + kind + " of " + name + "; it belongs to another training");
  if (value->tensor()->sizes() != like.sizes() || value->tensor()->scalar_type() != like.scalar_type())
    throw data_error(source + ": the " + kind + " of " + name +
                     " has another shape; it belongs to another training");
  require_finite(*value->tensor(), kind + " of " + name, source);
  return *value->tensor();
}

}  // namespace

PickleValue Trainer::state() const {
  Dict groups;
  groups.emplace_back(PickleValue(std::string(kTextResidual)), PickleValue(text_residual_));
  for (const Group& group : groups_) {
    Dict weights, means, squares;
    for (const AdamParameter& parameter : group.adam.parameters()) {
      weights.emplace_back(PickleValue(parameter.name), PickleValue(parameter.weight.detach()));
      means.emplace_back(PickleValue(parameter.name), PickleValue(parameter.mean));
      squares.emplace_back(PickleValue(parameter.name), PickleValue(parameter.square));
    }
    Dict entries;
    entries.emplace_back(PickleValue(std::string("steps")), PickleValue(group.adam.steps()));
    entries.emplace_back(PickleValue(std::string("weight")), as_value(std::move(weights)));
    entries.emplace_back(PickleValue(std::string("mean")), as_value(std::move(means)));
    entries.emplace_back(PickleValue(std::string("square")), as_value(std::move(squares)));
    groups.emplace_back(PickleValue(group.name), as_value(std::move(entries)));
  }
  return as_value(std::move(groups));
}

void Trainer::restore(const PickleValue& state, const std::string& source) {
  const at::NoGradGuard no_grad;
  const PickleValue* text = state.find(kTextResidual);
  if (text == nullptr || text->tensor() == nullptr || text->tensor()->sizes() != text_residual_.sizes() ||
      text->tensor()->scalar_type() != text_residual_.scalar_type())
    throw data_error(source + ": has no text residual of this width; it belongs to another training");
  require_finite(*text->tensor(), "text residual", source);
  text_residual_ = text->tensor()->to(text_residual_.device());
  for (Group& group : groups_) {
    const PickleValue* saved = state.find(group.name);
    const PickleValue* steps = saved != nullptr ? saved->find("steps") : nullptr;
    if (steps == nullptr || steps->integer() == nullptr)
      throw data_error(source + ": is not the state of a training: it has no optimiser '" + group.name + "'");
    for (AdamParameter& parameter : group.adam.parameters()) {
      parameter.weight.copy_(saved_tensor(*saved, "weight", parameter.name, parameter.weight, source));
      parameter.mean.copy_(saved_tensor(*saved, "mean", parameter.name, parameter.mean, source));
      parameter.square.copy_(saved_tensor(*saved, "square", parameter.name, parameter.square, source));
    }
    group.adam.set_steps(*steps->integer());
  }
}

}  // namespace res2clip
