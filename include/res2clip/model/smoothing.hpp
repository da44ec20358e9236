#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace res2clip {

/// Patch scores [B, rows, cols] -> pixel map [B, height, width], bilinear, corners not aligned.
at::Tensor upsample(const at::Tensor& scores, std::int64_t height, std::int64_t width);

/// The weights of a Gaussian window of `size` points around its middle, summing to 1. Throws a settings error
/// for an even size and a sigma that is not above 0.
std::vector<float> gaussian_window(std::int64_t size, double sigma);

/// Gaussian smoothing of maps [B, H, W] in a square window of `size` pixels, zeros beyond the border (so that
/// borders darken, as in the authors' release). The same bits for any batch and thread count.
at::Tensor gaussian_smooth(const at::Tensor& maps, std::int64_t size, double sigma);

}  // namespace res2clip
