#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "res2clip/core/files.hpp"

namespace res2clip {

/// Formats of image files that are read here.
enum class ImageFormat { png, jpeg, bmp, dib, tiff, webp, gif, pnm, jpeg2000 };

/// The format that a file's first bytes (64 are enough) announce, whatever its name; nothing for any other
/// file.
std::optional<ImageFormat> image_format(std::string_view first_bytes);

/// "PNG, JPEG, ...": the formats that are read, for messages.
std::string_view image_format_names();

/// Suffixes by which a folder's files are taken for images: ".png", ".jpg", ... in lower case.
std::span<const std::string_view> image_suffixes();
/// Whether a file's name ends in one of them, in any case.
bool has_image_suffix(const Path& path);

/// Why a file is not an image that is read here.
struct NotAnImage {
  std::string kind;    ///< to count by: "dangling link", "Git LFS pointer", "suffix .txt"
  std::string reason;  ///< with remedy, to be put after the path: "is a Git LFS pointer; run `git lfs pull`"
};

/// Why a listing of a folder leaves this entry out, as far as its name and type tell: subfolder, dangling
/// link, device, no image's suffix. Nothing for an image, and for what no user means to list (hidden files,
/// Thumbs.db, desktop.ini). Does not open the file.
std::optional<NotAnImage> why_left_out(const Path& path);

/// Why a file of any name is not an image that is read here, as far as its first bytes tell: what
/// why_left_out finds but for the suffix, and empty files, Git LFS pointers, HEIC, web pages, ... Nothing for
/// what begins like an image; that can still be damaged. Does not throw.
std::optional<NotAnImage> why_not_an_image(const Path& path);
/// The same of a file's first bytes (512 are enough).
std::optional<NotAnImage> why_not_an_image(std::string_view first_bytes);

}  // namespace res2clip
