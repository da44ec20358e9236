#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"
#include "res2clip/image/options.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/remarks.hpp"
#include "res2clip/settings/settings.hpp"

namespace res2clip {

/// float32 [3, S, S] for the backbone: resized to S x S (aspect not kept) as Pillow's bicubic does it,
/// divided by 255, normalised by the backbone's mean and standard deviation. Released code: the test
/// transform. `convert_before_resize` matters only for palette, bilevel and alpha images ("Finer points" 1 of
/// the release). Throws the data errors of decode_image.
at::Tensor prepare_image(const Path& path, const ImageOptions& options);

/// The same of a file that is decoded already.
at::Tensor prepare_image(const DecodedImage& image, const ImageOptions& options);

/// The same into memory that is there already: float32 [3, S, S], contiguous, on the CPU.
void prepare_image_into(const at::Tensor& input, const DecodedImage& image, const ImageOptions& options);

/// The same of pixels that are in memory already, which are resized as they are: uint8 [H, W, 3] in RGB. Grey
/// [H, W] and [H, W, 1] is replicated, the fourth channel of [H, W, 4] left out. Throws a data error for any
/// other tensor.
at::Tensor prepare_image(const at::Tensor& rgb, const ImageOptions& options);

/// A batch [B, 3, S, S] from files, read on all threads; none give [0, 3, S, S]. Of several failures the
/// first in the files' order is thrown. `remarks`, if given, hears of each image.
at::Tensor prepare_images(std::span<const Path> paths, const ImageOptions& options,
                          ImageRemarks* remarks = nullptr);

/// uint8 [S, S] of 0 and 1: pixels above 0 become 255, resized as Pillow's bilinear does it, anomalous where
/// above half of full scale. Of a folder the union of its masks. A missing file or mask is a data error.
at::Tensor prepare_mask(const Path& path, std::int64_t size, const ReadOptions& options = {});

/// The same of pixels that are in memory already: uint8 [H, W] or [H, W, 1]. Throws a data error for any
/// other tensor.
at::Tensor prepare_mask(const at::Tensor& mask, std::int64_t size);

}  // namespace res2clip
