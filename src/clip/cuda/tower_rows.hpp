#pragma once

/// What happens to rows of the image tower between its matrix products, one pass over memory each. Device
/// pointers, contiguous, 16-byte aligned; rows are `width` numbers long. No LibTorch.
namespace res2clip::cuda {

/// Type of what a matrix product reads.
enum class RowType { float32, float16, bfloat16 };

/// Widths that the kernels take: multiples of 128, at most 2048.
constexpr int kLongestRow = 2048, kRowStep = 128;
constexpr bool takes_width(long long width) {
  return width >= kRowStep && width <= kLongestRow && width % kRowStep == 0;
}

/// out = LayerNorm(x + bias) * scale + shift. Of every image's `tokens` rows the first `skipped` are left
/// out.
struct NormaliseRows {
  const float* x;      ///< [images, tokens, width]
  const float* bias;   ///< [width], added to every row before; null: none
  const float* scale;  ///< [width]
  const float* shift;  ///< [width]
  void* out;           ///< [images * (tokens - skipped), width] of `type`
  RowType type;
  long long images, tokens, skipped, width;
};

/// out[:, 0] = LayerNorm(start + positions[0]), out[:, 1 + i] = LayerNorm(patches[:, i] + positions[1 + i]).
struct EmbedRows {
  const float* patches;    ///< [images, tokens - 1, width]
  const float* start;      ///< [width]: the class token
  const float* positions;  ///< [tokens, width]
  const float* scale;      ///< [width]
  const float* shift;      ///< [width]
  float* out;              ///< [images, tokens, width]
  long long images, tokens, width;
};

/// x /= |x|, row by row, in place; zero rows stay zero. A norm that is not finite sets `*not_finite` to 1.
struct UnitRows {
  float* x;  ///< [rows, width]
  int* not_finite;
  long long rows, width;
};

/// Each starts one kernel on `stream` (a cudaStream_t) and does not wait for it. Returns cudaSuccess (0), or
/// the error of the launch; cudaErrorInvalidValue for a width that takes_width() denies.
int normalise_rows(const NormaliseRows& task, void* stream);
int embed_rows(const EmbedRows& task, void* stream);
int unit_rows(const UnitRows& task, void* stream);

/// What CUDA says of an error code.
const char* row_error_text(int code);

}  // namespace res2clip::cuda
