#include <cctype>
#include <optional>
#include <set>

#include <ATen/ops/isfinite.h>

#include "res2clip/core/error.hpp"
#include "res2clip/model/checkpoint.hpp"

#include "adapter_parts.hpp"

namespace res2clip {
namespace {

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Takes tensors by name out of a set, checks them, and remembers which were taken.
class Picker {
 public:
  Picker(const std::map<std::string, at::Tensor>& tensors, const std::string& source)
      : tensors_(tensors), source_(source) {}

  std::int64_t width() const {
    const at::Tensor& weight = find("text_adapter.norm.weight");
    if (weight.dim() != 1 || weight.size(0) == 0 || weight.size(0) % 4 != 0)
      throw data_error(source_ + ": text_adapter.norm.weight has shape " + shape_text(weight.sizes()) +
                       "; it must be [D], D a multiple of 4");
    return weight.size(0);
  }

  at::Tensor take(const std::string& name, at::IntArrayRef shape) {
    const at::Tensor& tensor = find(name);
    if (tensor.sizes() != shape)
      throw data_error(source_ + ": " + name + " has shape " + shape_text(tensor.sizes()) + "; it must be " +
                       shape_text(shape));
    if (!tensor.is_floating_point())
      throw data_error(source_ + ": " + name + " does not hold floating-point numbers");
    // As float32, in which they are used: numbers of float64 may be too large for it.
    const at::Tensor used = tensor.to(at::kCPU, at::kFloat).contiguous();
    if (!at::isfinite(used).all().item<bool>())
      throw data_error(source_ + ": " + name + " holds a value that is not finite");
    taken_.insert(name);
    return used;
  }

  /// The layer numbers that stand behind "group." in the names.
  std::set<int> layers(const std::string& group) const {
    std::set<int> numbers;
    for (auto entry = tensors_.lower_bound(group + "."); entry != tensors_.end(); ++entry) {
      if (entry->first.rfind(group + ".", 0) != 0) break;
      const auto number = layer_number(entry->first.substr(group.size() + 1));
      if (!number) throw stray(entry->first);
      numbers.insert(*number);
    }
    return numbers;
  }

  void require_all_taken() const {
    for (const auto& [name, tensor] : tensors_)
      if (!taken_.contains(name)) throw stray(name);
  }

 private:
  const at::Tensor& find(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
      throw data_error(source_ + ": has no " + name + ", so it is not a whole checkpoint of the adapters");
    return found->second;
  }

  Error stray(const std::string& name) const {
    return data_error(source_ + ": " + name +
                      " belongs to no adapter, so this is not a checkpoint of Res2CLIP");
  }

  static std::optional<int> layer_number(const std::string& key) {
    const std::string digits = key.substr(0, key.find('.'));
    if (digits.empty() || digits.size() > 4 || digits[0] == '0') return std::nullopt;
    for (const char letter : digits)
      if (std::isdigit(static_cast<unsigned char>(letter)) == 0) return std::nullopt;
    return std::stoi(digits);
  }

  const std::map<std::string, at::Tensor>& tensors_;
  const std::string& source_;
  std::set<std::string> taken_;
};

}  // namespace

Adapters assemble_adapters(const std::map<std::string, at::Tensor>& tensors, const std::string& source) {
  Picker picker(tensors, source);
  const std::int64_t width = picker.width();
  Adapters adapters;
  for (const LocalGroup& group : kLocalGroups)
    for (const int layer : picker.layers(std::string(name_of(group.group)))) (adapters.*group.layers)[layer];
  for_each_tensor(adapters, [&](const AdapterTensor& which, at::Tensor& tensor) {
    tensor = picker.take(which.name(), which.shape(width / 4));
  });
  picker.require_all_taken();
  return adapters;
}

}  // namespace res2clip
