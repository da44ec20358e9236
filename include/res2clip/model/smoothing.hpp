#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace res2clip {

/// Patch scores [B, rows, cols] -> pixel map [B, height, width], bilinear, corners not aligned.
at::Tensor upsample(const at::Tensor& scores, std::int64_t height, std::int64_t width);

/// The weights of a Gaussian window of `size` points (odd) around its middle, summing to 1: [size] float32 on the CPU.
at::Tensor gaussian_window(std::int64_t size, double sigma);

/// Gaussian smoothing of maps [B, H, W] in a square window of `size` pixels, zeros beyond the border (so that borders
/// darken, as in the authors' release). Throws a settings error for an even size.
at::Tensor gaussian_smooth(const at::Tensor& maps, std::int64_t size, double sigma);

}  // namespace res2clip
