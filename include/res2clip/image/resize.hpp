#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace res2clip {

/// Pillow's resampling of 8-bit images, equal to the last bit: the filter's support grows with the shrink
/// factor (antialiasing), first along rows, then along columns, each rounded to 8 bits; coefficients are
/// fixed-point with 22 bits. A direction whose size does not change is left alone.
///
/// `image` is uint8 [H, W] or [H, W, C] on the CPU with 1 to 4 channels; the result has `height` by `width`
/// pixels and the same channels. Results do not depend on the number of threads.
at::Tensor resize_bicubic(const at::Tensor& image, std::int64_t height, std::int64_t width);
at::Tensor resize_bilinear(const at::Tensor& image, std::int64_t height, std::int64_t width);

/// Pillow's nearest neighbour.
at::Tensor resize_nearest(const at::Tensor& image, std::int64_t height, std::int64_t width);

/// Pillow's bicubic resize of an image with alpha: colours are multiplied by alpha, resized, and divided by
/// it again. rgb uint8 [H, W, 3], alpha uint8 [H, W]; returns uint8 [height, width, 3].
at::Tensor resize_bicubic_premultiplied(const at::Tensor& rgb, const at::Tensor& alpha, std::int64_t height,
                                        std::int64_t width);

}  // namespace res2clip
