#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "res2clip/image/options.hpp"
#include "res2clip/image/read.hpp"

namespace res2clip {

/// How the pixels of an image in memory lie: 8 bits a channel, channels together.
enum class PixelFormat {
  rgb8,
  bgr8,   ///< OpenCV's
  rgba8,  ///< as a file with an alpha channel: dropped, or what `image.convert_before_resize` says
  grey8,  ///< replicated
};

/// An image in a caller's memory: a camera's frame, a cv::Mat, a numpy array. Only looked at, and only during
/// the call that it is given to.
struct ImageView {
  const std::uint8_t* data = nullptr;  ///< the top row's first pixel
  std::int64_t width = 0, height = 0;  ///< in pixels
  /// From one row to the next: at least width * channels, or at most the negative of it, where the bottom row
  /// lies first in memory. 0: rows follow each other without a gap.
  std::int64_t row_bytes = 0;
  PixelFormat format = PixelFormat::rgb8;
};

/// The pixels as decode_image() gives those of a file, copied. Throws a data error for a view without pixels,
/// with rows that overlap, with a format without a name, or with more pixels than `options` allow.
DecodedImage decoded(const ImageView& image, const ReadOptions& options = {});

/// The backbone's input, float32 [3, S, S]: the same bits as of a PNG file with these pixels.
at::Tensor prepare_image(const ImageView& image, const ImageOptions& options);

}  // namespace res2clip
