#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "rows.hpp"

namespace res2clip::cpu {

/// How products are reduced on a processor.
struct ReducedForm {
  /// bfloat16; or bytes for the weights, a scale for each output, and for what they are multiplied with, a
  /// scale for each row.
  bool bytes = false;
  at::ScalarType attention = at::kBFloat16;  ///< of queries, keys and values
  int largest_byte = 255;                    ///< of rows; 127 where larger ones would not be summed exactly
};

/// The largest byte of rows (255 or 127) up to which this processor and LibTorch multiply and sum bytes
/// exactly: without instructions for it, pairs of products are summed in 16 bits, which overflow. Tried out
/// once. Throws a settings error where LibTorch lacks the operator, or neither is exact.
int largest_exact_byte();

/// A weight matrix [N, K] with its bias [N].
struct ReducedWeight {
  at::Tensor matrix;               ///< bfloat16 [N, K]; or bytes, packed for oneDNN
  at::Tensor bias;                 ///< float32
  at::Tensor narrow_bias;          ///< the same in bfloat16; with bytes undefined
  at::Tensor scales, zeros, sums;  ///< with bytes: [N] float32, int64 and float32 (row sums of the weights)
  std::int64_t outputs = 0;
};
/// From float32. `rows`: how many rows it will mostly be multiplied with.
ReducedWeight reduced_weight(const at::Tensor& matrix, const at::Tensor& bias, const ReducedForm& form,
                             std::int64_t rows);

/// Rows that a product reads.
struct ReducedRows {
  at::Tensor values;        ///< [R, K] bfloat16 or uint8
  at::Tensor scale, least;  ///< [R] float32 of uint8, see ByteScale; otherwise undefined

  std::int64_t count() const { return values.size(0); }
  std::int64_t width() const { return values.size(1); }
  void save(std::int64_t row, const float* numbers, const ReducedForm& form);
};
ReducedRows empty_rows(std::int64_t rows, std::int64_t width, const ReducedForm& form);

/// What a product gave, without the bias.
struct RawProduct {
  at::Tensor values;        ///< [R, N] bfloat16; of bytes float32, in units of the rows' scales
  at::Tensor scale, least;  ///< the rows'
  const ReducedWeight* weight = nullptr;

  std::int64_t count() const { return values.size(0); }
  std::int64_t width() const { return values.size(1); }
  /// The numbers of a row, with the bias.
  void load(std::int64_t row, float* numbers) const;
};
RawProduct product(const ReducedRows& rows, const ReducedWeight& weight);

/// The product with the bias, as attention reads it: [R, N].
at::Tensor attention_input(const ReducedRows& rows, const ReducedWeight& weight, const ReducedForm& form);

}  // namespace res2clip::cpu
