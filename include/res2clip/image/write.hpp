#pragma once

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// Writes uint8 [H, W, 3] (RGB) or [H, W] (grey) as PNG. The file appears whole or not at all.
/// Throws a runtime error naming the path where it cannot be written.
void write_png(const Path& path, const at::Tensor& pixels);

/// Writes float32 [H, W] as NumPy's .npy (format 1.0, little-endian): what `numpy.load` reads. Atomic like
/// write_png.
void write_float_map(const Path& path, const at::Tensor& map);

}  // namespace res2clip
