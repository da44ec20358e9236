#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/core/path.hpp"
#include "res2clip/image/pixel_mode.hpp"
#include "res2clip/image/read_options.hpp"

namespace res2clip {

/// A decoded image file.
struct DecodedImage {
  at::Tensor rgb;    ///< uint8 [H, W, 3], contiguous, CPU
  at::Tensor alpha;  ///< uint8 [H, W] where mode is alpha, otherwise undefined
  PixelMode mode = PixelMode::direct;
  int orientation = 1;       ///< what the file's EXIF states (1: upright), whether or not it was applied
  bool more_frames = false;  ///< the file holds more frames or pages than this first one
  std::string doubt;         ///< what the decoder found odd and could read over; empty: nothing
};

/// All bytes of an image file. A file that does not begin like an image (see file_kinds.hpp) is not read
/// further. Throws a data error naming the path, with the reason.
std::string read_image_file(const Path& path);

/// Decodes a PNG, JPEG, BMP, TIFF, WebP, GIF, PBM/PGM/PPM or JPEG 2000 file to what Pillow 11's
/// `Image.open(path).convert("RGB")` holds: grey is replicated, palettes are expanded, alpha and transparency
/// are dropped, CMYK is converted, a TIFF's orientation is applied, of several frames or pages the first is
/// read. Otherwise than Pillow: samples of more than 8 bits follow `options.wide`, EXIF orientations
/// `options.exif_rotation`; damaged pixels, float, signed and Lab images are errors. Throws a data error
/// naming the path: unreadable, empty, truncated, damaged, not an image, or too many pixels.
/// All images that are decoded at a time share a budget of memory, so that a call may wait for others.
DecodedImage decode_image(const Path& path, const ReadOptions& options = {});
/// The same of a file's bytes, where they are needed for more than decoding; `path` is for messages alone.
DecodedImage decode_image(std::string_view bytes, const Path& path, const ReadOptions& options = {});

/// The RGB part of decode_image: uint8 [H, W, 3].
at::Tensor read_image(const Path& path, const ReadOptions& options = {});

/// A mask: uint8 [H, W] as Pillow's `convert("L")` gives it (16-bit grey is clipped at 255, so that no
/// anomalous pixel is lost). EXIF orientation is applied where `options` say so. Throws as decode_image does.
at::Tensor read_grey(const Path& path, const ReadOptions& options = {});
at::Tensor read_grey(std::string_view bytes, const Path& path, const ReadOptions& options = {});

/// Height and width in pixels.
struct ImageSize {
  std::int64_t height = 0, width = 0;
};
/// The size that decode_image would give, found without decoding unless `options.exif_rotation` is set.
/// Throws a data error for a file that is not an image, or whose header is damaged.
ImageSize image_size(const Path& path, const ReadOptions& options = {});
ImageSize image_size(std::string_view bytes, const Path& path, const ReadOptions& options = {});

/// Reads all of these files, on all threads, and throws a data error that names those (up to ten) which have
/// an image_fault: what a long job asks before it begins.
void require_whole_images(std::span<const Path> paths, const ReadOptions& options = {});
/// What is wrong with one file's bytes, with its path; empty: nothing. A PNG or JPEG file of 8 bits that ends
/// as it should is not decoded; damage inside it is found by decode_image.
std::string image_fault(std::string_view bytes, const Path& path, const ReadOptions& options = {});
/// Throws what require_whole_images throws for these faults; empty ones are left out, and nothing is thrown
/// where none is left.
void require_no_image_fault(std::vector<std::string> faults);

}  // namespace res2clip
