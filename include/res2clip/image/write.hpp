#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Rows of 8-bit pixels one after the other, from the top.
struct PixelRows {
  const std::uint8_t* bytes = nullptr;
  std::int64_t width = 0, height = 0;
  std::int64_t channels = 3;  ///< 1: grey, 3: RGB
};
/// What a PNG is written for.
enum class PngEffort {
  quick,  ///< little time
  small,  ///< a small file, for several times the time
};

/// A PNG file of these pixels. Throws a data error for pixels of another kind.
std::string encode_png(const PixelRows& pixels, PngEffort effort = PngEffort::quick);
/// A baseline JPEG file of RGB pixels, with colours at half the resolution; `quality` from 1 to 100. Throws a
/// data error for pixels of another kind or more than 65500 in a row or column.
std::string encode_jpeg(const PixelRows& pixels, int quality);

/// Writes uint8 [H, W, 3] (RGB) or [H, W] (grey) as PNG. The file appears whole or not at all.
/// Throws a runtime error naming the path where it cannot be written, a data error for other tensors.
void write_png(const Path& path, const at::Tensor& pixels, PngEffort effort = PngEffort::quick);

/// Writes uint8 [H, W, 3] as JPEG, atomic like write_png. Throws likewise.
void write_jpeg(const Path& path, const at::Tensor& pixels, int quality);

/// Writes float32 [H, W] as NumPy's .npy (format 1.0, little-endian): what `numpy.load` reads. Atomic like
/// write_png.
void write_float_map(const Path& path, const at::Tensor& map);

}  // namespace res2clip
