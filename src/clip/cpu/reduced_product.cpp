#include "reduced_product.hpp"

#include <optional>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"

namespace res2clip::cpu {
namespace {

constexpr int kLargestWeight = 127;
constexpr std::size_t kArguments = 13;  // of the operator's form that is called here
constexpr std::int64_t kRowsOfATask = 16;

/// LibTorch's products of bytes through oneDNN are found by name: they have no C++ header.
c10::OperatorHandle find_operator(const char* name) {
  const auto found = c10::Dispatcher::singleton().findSchema({name, ""});
  if (!found)
    throw settings_error("precision int8: this LibTorch has no products of bytes for processors (" +
                         std::string(name) + "); use LibTorch 2.11 or --precision fp32");
  return *found;
}

c10::OperatorHandle find_product() {
  const auto found = find_operator("onednn::qlinear_pointwise");
  if (found.schema().arguments().size() == kArguments) return found;
  throw settings_error(
      "precision int8: this LibTorch's products of bytes are called in another way; use LibTorch 2.11 or "
      "--precision fp32");
}

at::Tensor packed(const at::Tensor& bytes, std::int64_t rows) {
  static const c10::OperatorHandle pack = find_operator("onednn::qlinear_prepack");
  torch::jit::Stack stack{bytes, std::vector<std::int64_t>{rows, bytes.size(1)}};
  pack.callBoxed(stack);
  return stack.at(0).toTensor();
}

/// [R, K] uint8 -> [R, N] float32: sums of bytes times the weights' bytes, times the weights' scales.
at::Tensor byte_product(const at::Tensor& rows, const ReducedWeight& weight) {
  static const c10::OperatorHandle multiply = find_product();
  torch::jit::Stack stack{rows,
                          1.0,  // scale and zero point of the rows
                          std::int64_t{0},
                          weight.matrix,
                          weight.scales,
                          weight.zeros,
                          c10::IValue(),  // no bias
                          1.0,            // scale and zero point of the result
                          std::int64_t{0},
                          at::kFloat,
                          "none",
                          c10::List<std::optional<at::Scalar>>(),
                          ""};
  multiply.callBoxed(stack);
  return stack.at(0).toTensor();
}

ReducedWeight byte_weight(const at::Tensor& matrix, const at::Tensor& bias, std::int64_t rows) {
  ReducedWeight weight;
  weight.outputs = matrix.size(0);
  weight.bias = bias.contiguous();
  weight.scales = matrix.abs().amax(1) / kLargestWeight;
  const auto divisor = at::where(weight.scales > 0, weight.scales, 1.0f);
  const auto bytes = (matrix / divisor.unsqueeze(1)).round_();
  weight.sums = (bytes.sum(1, false, at::kDouble) * weight.scales).to(at::kFloat).contiguous();
  weight.zeros = at::zeros({weight.outputs}, at::kLong);
  weight.matrix = packed(bytes.to(at::kChar).contiguous(), rows);
  return weight;
}

/// Whether sums of the largest products come out exactly.
bool is_exact(int largest_byte) {
  constexpr std::int64_t kSide = 256;
  const ReducedWeight weight =
      byte_weight(at::full({kSide, kSide}, static_cast<double>(kLargestWeight)), at::zeros({kSide}), kSide);
  const auto found = byte_product(at::full({kSide, kSide}, largest_byte, at::kByte), weight);
  return found.eq(static_cast<double>(kSide * kLargestWeight * largest_byte)).all().item<bool>();
}

const std::uint16_t* bits(const at::Tensor& narrow) {
  return reinterpret_cast<const std::uint16_t*>(narrow.const_data_ptr<at::BFloat16>());
}

}  // namespace

int largest_exact_byte() {
  static const int largest = [] {
    for (const int candidate : {255, 127})
      if (is_exact(candidate)) return candidate;
    throw settings_error(
        "precision int8: this LibTorch does not sum products of bytes exactly on this processor; use "
        "--precision "
        "fp32");
  }();
  return largest;
}

ReducedWeight reduced_weight(const at::Tensor& matrix, const at::Tensor& bias, const ReducedForm& form,
                             std::int64_t rows) {
  if (form.bytes) return byte_weight(matrix, bias, rows);
  ReducedWeight weight;
  weight.outputs = matrix.size(0);
  weight.matrix = matrix.to(at::kBFloat16).contiguous();
  weight.bias = bias.contiguous();
  weight.narrow_bias = bias.to(at::kBFloat16).contiguous();
  return weight;
}

ReducedRows empty_rows(std::int64_t rows, std::int64_t width, const ReducedForm& form) {
  if (!form.bytes) return {at::empty({rows, width}, at::kBFloat16), {}, {}};
  return {at::empty({rows, width}, at::kByte), at::empty({rows}, at::kFloat), at::empty({rows}, at::kFloat)};
}

void ReducedRows::save(std::int64_t row, const float* numbers, const ReducedForm& form) {
  if (!form.bytes) {
    auto* out = reinterpret_cast<std::uint16_t*>(values.data_ptr<at::BFloat16>());
    return narrow(numbers, width(), out + row * width());
  }
  const ByteScale found =
      to_bytes(numbers, width(), form.largest_byte, values.data_ptr<std::uint8_t>() + row * width());
  scale.data_ptr<float>()[row] = found.scale;
  least.data_ptr<float>()[row] = found.least;
}

void RawProduct::load(std::int64_t row, float* numbers) const {
  const auto* bias = weight->bias.const_data_ptr<float>();
  if (!scale.defined()) {
    widen(bits(values) + row * width(), width(), numbers);
    return add_row(bias, width(), numbers);
  }
  const ByteScale scales{scale.const_data_ptr<float>()[row], least.const_data_ptr<float>()[row]};
  from_byte_product(values.const_data_ptr<float>() + row * width(), scales,
                    weight->sums.const_data_ptr<float>(), bias, width(), numbers);
}

RawProduct product(const ReducedRows& rows, const ReducedWeight& weight) {
  if (!rows.scale.defined()) return {at::mm(rows.values, weight.matrix.t()), {}, {}, &weight};
  return {byte_product(rows.values, weight), rows.scale, rows.least, &weight};
}

at::Tensor attention_input(const ReducedRows& rows, const ReducedWeight& weight, const ReducedForm& form) {
  if (!form.bytes) return at::addmm(weight.narrow_bias, rows.values, weight.matrix.t());
  const RawProduct raw = product(rows, weight);
  auto out = form.attention == at::kFloat ? raw.values : at::empty(raw.values.sizes(), at::kBFloat16);
  at::parallel_for(0, raw.count(), kRowsOfATask, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> numbers(static_cast<std::size_t>(raw.width()));
    for (std::int64_t row = begin; row < end; ++row) {
      if (form.attention == at::kFloat) {
        raw.load(row, out.data_ptr<float>() + row * raw.width());
        continue;
      }
      raw.load(row, numbers.data());
      narrow(numbers.data(), raw.width(),
             reinterpret_cast<std::uint16_t*>(out.data_ptr<at::BFloat16>()) + row * raw.width());
    }
  });
  return out;
}

}  // namespace res2clip::cpu
