#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"
#include "res2clip/image/read_options.hpp"

namespace res2clip {

/// How much of a file is looked at.
enum class Examination {
  header,  ///< whether the file is whole (image_fault)
  pixels,  ///< the image is decoded
};

/// What an image file is before it is used.
struct ExaminedImage {
  std::string fault;       ///< what is wrong with it, with its path; empty: nothing
  std::int64_t width = 0;  ///< as decode_image gives it
  std::int64_t height = 0;
};

/// Looks at an image. Does not throw.
ExaminedImage examine_image(const Path& path, Examination how, const ReadOptions& options = {});

/// What a mask marks, as far as it may be a mistake.
struct MaskTraits {
  bool empty = false;        ///< no pixel is above 0
  bool full = false;         ///< all are
  bool over_half = false;    ///< more than half of them are, but not all
  bool many_values = false;  ///< pixels above 0 have several values
};
/// The traits of a mask as read_whole_mask gives it.
MaskTraits traits_of(const at::Tensor& mask);

/// A mask: uint8 [H, W] as read_grey gives it. A folder is the union of all images directly in it (the
/// largest value at each pixel). Throws as read_grey does, and a data error for a folder without images or
/// with images of different sizes.
at::Tensor read_whole_mask(const Path& path, const ReadOptions& options = {});

}  // namespace res2clip
