#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// More pixels than this are an error before anything is decoded (the limit at which Pillow refuses an
/// image).
inline constexpr std::int64_t kLargestImage = 178'956'970;

/// How an image file stores its pixels, as far as it decides how Pillow resizes them.
enum class PixelMode {
  direct,   ///< grey or RGB
  indexed,  ///< palette or bilevel: Pillow resizes these by nearest neighbour
  alpha,    ///< with an alpha channel: Pillow resizes these premultiplied
};

/// A decoded image file.
struct DecodedImage {
  at::Tensor rgb;    ///< uint8 [H, W, 3], contiguous, CPU
  at::Tensor alpha;  ///< uint8 [H, W] where mode is alpha, otherwise undefined
  PixelMode mode = PixelMode::direct;
};

/// Decodes a PNG, JPEG, BMP, TIFF or WebP file to what Pillow 11's `Image.open(path).convert("RGB")` holds:
/// grey is replicated, palettes are expanded, alpha and transparency are dropped, 16-bit colour keeps its
/// high byte, EXIF rotation is not applied. 16-bit grey above 255 (which Pillow would clip to white) and
/// CMYK, 12-bit or float images are errors that say so. Throws a data error naming the path: unreadable,
/// empty, truncated, damaged, no image, or more than kLargestImage pixels.
DecodedImage decode_image(const Path& path);
/// The same of a file's bytes, where they are needed for more than decoding; `path` is for messages alone.
DecodedImage decode_image(std::string bytes, const Path& path);

/// The RGB part of decode_image: uint8 [H, W, 3].
at::Tensor read_image(const Path& path);

/// A mask: uint8 [H, W] as Pillow's `convert("L")` gives it (16-bit grey is clipped at 255). Throws as
/// decode_image does.
at::Tensor read_grey(const Path& path);

/// Reads all of these files, on all threads, and throws a data error that names those (up to ten) which are
/// unreadable, truncated, no image or too large, as far as that is known without decoding: what a long job
/// asks before it begins.
void expect_whole_images(std::span<const Path> paths);
/// What that finds wrong in one file's bytes, with its path; empty: nothing.
std::string image_fault(std::string_view bytes, const Path& path);
/// What that throws for these faults; empty ones are left out, and nothing is thrown where none is left.
void expect_no_image_fault(std::vector<std::string> faults);

}  // namespace res2clip
