#pragma once

#include <cstdint>

/// What happens to one row of the image tower between its matrix products in reduced precision. Rows stay in
/// the processor's first cache from one function to the next; loops are vectorised.
namespace res2clip::cpu {

/// A row of bytes stands for the numbers scale * byte + least.
struct ByteScale {
  float scale = 0, least = 0;
};

/// bfloat16, as its bits, to float32 and back: rounded to the nearest, to even in the middle; NaN stays NaN.
void widen(const std::uint16_t* row, std::int64_t count, float* out);
void narrow(const float* row, std::int64_t count, std::uint16_t* out);

/// The least of a row's numbers becomes byte 0 and the largest `largest`, those between are rounded. A row
/// that holds NaN or infinities, or is wider than float32 goes, becomes NaN as a whole: its scale is.
ByteScale to_bytes(const float* row, std::int64_t count, int largest, std::uint8_t* out);

/// What a product of bytes gives for a row: out[n] = scale * product[n] + least * sums[n] + bias[n], where
/// `sums` are those of the weights of an output, and `product` has the weights' scales.
void from_byte_product(const float* product, const ByteScale& row, const float* sums, const float* bias,
                       std::int64_t count, float* out);

void add_row(const float* row, std::int64_t count, float* sum);

/// out = LayerNorm(row) * gain + shift, with CLIP's epsilon of 1e-5.
void normalise_row(const float* row, const float* gain, const float* shift, std::int64_t count, float* out);

}  // namespace res2clip::cpu
