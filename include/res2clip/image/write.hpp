#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Rows of 8-bit pixels one after the other, from the top.
struct PngPixels {
  const std::uint8_t* bytes = nullptr;
  std::int64_t width = 0, height = 0;
  std::int64_t channels = 3;  ///< 1: grey, 3: RGB
};
/// A PNG file of these pixels. Throws a data error for pixels of another kind.
std::string encode_png(const PngPixels& pixels);

/// Writes uint8 [H, W, 3] (RGB) or [H, W] (grey) as PNG. The file appears whole or not at all.
/// Throws a runtime error naming the path where it cannot be written, a data error for other tensors.
void write_png(const Path& path, const at::Tensor& pixels);

/// Writes float32 [H, W] as NumPy's .npy (format 1.0, little-endian): what `numpy.load` reads. Atomic like
/// write_png.
void write_float_map(const Path& path, const at::Tensor& map);

}  // namespace res2clip
