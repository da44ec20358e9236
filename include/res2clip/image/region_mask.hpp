#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/image/read.hpp"

namespace res2clip {

/// Which part of images is looked at, as a mask bool [rows, columns] on the CPU (that of a map, into which
/// the whole image is squeezed): what `inside` describes (nothing: the whole image) without what `ignored`
/// describes. Each description is one of
///   "x,y,w,h"         a rectangle: left-top corner and size;
///   "x,y x,y x,y ..." a polygon of three or more corners (even-odd rule);
///   a path            a grey image of the size `image`, inside where it is not 0.
/// Numbers are pixels of an image of the size `image`, from its left-top corner; with % behind them, percent
/// of its width or height. A pixel of the mask belongs to what holds its centre. Throws a settings error for
/// text that is none of these, for what reaches out of the image, and where nothing is left inside; a data
/// error for a mask image that cannot be read or has another size.
at::Tensor region_mask(std::span<const std::string> inside, std::span<const std::string> ignored,
                       const ImageSize& image, std::int64_t rows, std::int64_t columns);

}  // namespace res2clip
