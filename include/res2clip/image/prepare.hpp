#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"
#include "res2clip/image/options.hpp"
#include "res2clip/image/read.hpp"

namespace res2clip {

/// float32 [3, S, S] for the backbone: resized to S x S (aspect not kept) as Pillow's bicubic does it,
/// divided by 255, normalised by the backbone's mean and standard deviation. Released code: the test transform.
/// `convert_before_resize` matters only for palette, bilevel and alpha images ("Finer points" 1 of the
/// release). Throws the data errors of decode_image.
at::Tensor prepare_image(const Path& path, const ImageOptions& options);

/// The same of a file that is decoded already.
at::Tensor prepare_image(const DecodedImage& image, const ImageOptions& options);

/// The same into memory that is there already: float32 [3, S, S], contiguous, on the CPU.
void prepare_image_into(const at::Tensor& input, const DecodedImage& image, const ImageOptions& options);

/// The same of pixels that are in memory already: uint8 [H, W, 3], RGB, which are resized as they are.
at::Tensor prepare_image(const at::Tensor& rgb, const ImageOptions& options);

/// A batch [B, 3, S, S] from files, read on all threads. Of several failures the first in the files' order is
/// thrown.
at::Tensor prepare_images(std::span<const Path> paths, const ImageOptions& options);

/// uint8 [S, S] of 0 and 1: pixels above 0 become 255, resized as Pillow's bilinear does it, anomalous where
/// above half of full scale. Of a folder the union of its masks. A missing file or mask is a data error.
at::Tensor prepare_mask(const Path& path, std::int64_t size);

/// The same of pixels that are in memory already: uint8 [H, W].
at::Tensor prepare_mask(const at::Tensor& mask, std::int64_t size);

}  // namespace res2clip
