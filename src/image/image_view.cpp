#include "res2clip/image/image_view.hpp"

#include <string>

#include <ATen/ops/empty.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/settings/check.hpp"

#include "foreign_errors.hpp"
#include "pixels.hpp"

namespace res2clip {
namespace {

std::int64_t channels_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::rgb8:
    case PixelFormat::bgr8:
      return 3;
    case PixelFormat::rgba8:
      return 4;
    case PixelFormat::grey8:
      return 1;
  }
  throw data_error("an image in memory has a format without a name; use rgb8, bgr8, rgba8 or grey8");
}

/// The bytes from one row to the next, once all else is known to be right.
std::int64_t checked_row_bytes(const ImageView& image, const ReadOptions& options) {
  constexpr std::int64_t kLongest = 1 << 20, kLongestRow = 1 << 30;
  const std::string size = std::to_string(image.width) + " x " + std::to_string(image.height);
  if (image.data == nullptr) throw data_error("an image in memory has no data: its pointer is null");
  if (image.width < 1 || image.height < 1 || image.width > kLongest || image.height > kLongest)
    throw data_error("an image in memory has " + size + " pixels; both sides must be from 1 to " +
                     std::to_string(kLongest));
  if (options.max_pixels > 0 && image.width * image.height > options.max_pixels)
    throw data_error("an image in memory has " + size + " pixels, more than " +
                     std::to_string(options.max_pixels) + " (image.max_pixels)");
  const std::int64_t row = image.width * channels_of(image.format);
  if (image.row_bytes == 0) return row;
  const bool overlaps = image.row_bytes < row && image.row_bytes > -row;
  const bool absurd = image.row_bytes > kLongestRow || image.row_bytes < -kLongestRow;
  if (overlaps || absurd)
    throw data_error("an image in memory has " + std::to_string(image.row_bytes) +
                     " bytes from row to row; one row of it has " + std::to_string(row));
  return image.row_bytes;
}

/// Positions of red, green and blue within a pixel.
struct Order {
  int red, green, blue;
};

Order order_of(PixelFormat format) {
  if (format == PixelFormat::bgr8) return {2, 1, 0};
  if (format == PixelFormat::grey8) return {0, 0, 0};
  return {0, 1, 2};
}

}  // namespace

DecodedImage decoded(const ImageView& image, const ReadOptions& options) {
  require_in_range(options, "image");
  const std::int64_t row_bytes = checked_row_bytes(image, options);
  const std::int64_t channels = channels_of(image.format);
  return with_own_errors("an image in memory", [&] {
    const auto [red, green, blue] = order_of(image.format);
    DecodedImage result;
    result.rgb = at::empty({image.height, image.width, 3}, at::kByte);
    auto* rgb = result.rgb.data_ptr<std::uint8_t>();
    std::uint8_t* alpha = nullptr;
    if (image.format == PixelFormat::rgba8) {
      result.mode = PixelMode::alpha;
      result.alpha = at::empty({image.height, image.width}, at::kByte);
      alpha = result.alpha.data_ptr<std::uint8_t>();
    }
    for (std::int64_t y = 0; y < image.height; ++y) {
      const std::uint8_t* pixel = image.data + y * row_bytes;
      for (std::int64_t x = 0; x < image.width; ++x, pixel += channels, rgb += 3) {
        rgb[0] = pixel[red];
        rgb[1] = pixel[green];
        rgb[2] = pixel[blue];
        if (alpha != nullptr) *alpha++ = pixel[3];
      }
    }
    return result;
  });
}

at::Tensor prepare_image(const ImageView& image, const ImageOptions& options) {
  return prepare_image(decoded(image, options.reading), options);
}

}  // namespace res2clip
