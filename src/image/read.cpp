#include "res2clip/image/read.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/from_blob.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/file_kinds.hpp"

#include "decoding_budget.hpp"
#include "eight_bits.hpp"
#include "foreign_errors.hpp"
#include "raster.hpp"

namespace res2clip {
namespace {

Raster read_raster(std::string_view bytes, Permit& permit) {
  const auto format = image_format(bytes);
  if (!format) throw ImageFault{why_not_an_image(bytes)->reason};
  switch (*format) {
    case ImageFormat::png:
      return read_png(bytes, permit);
    case ImageFormat::jpeg:
      return read_jpeg(bytes, permit);
    case ImageFormat::bmp:
      return read_bmp(bytes, permit);
    case ImageFormat::dib:
      return read_dib(bytes, permit);
    case ImageFormat::tiff:
      return read_tiff(bytes, permit);
    case ImageFormat::webp:
      return read_webp(bytes, permit);
    case ImageFormat::gif:
      return read_gif(bytes, permit);
    case ImageFormat::pnm:
      return read_pnm(bytes, permit);
    case ImageFormat::jpeg2000:
      break;
  }
  return read_jpeg2000(bytes, permit);
}

/// The samples of 8 bits as a tensor [H, W, C] that owns them.
at::Tensor tensor_of(Raster& raster) {
  std::uint8_t* bytes = raster.bytes.release();
  return at::from_blob(
      bytes, {raster.height, raster.width, raster.channels},
      [bytes](void*) { std::default_delete<std::uint8_t[]>()(bytes); }, at::kByte);
}

/// [H, W, C] or [H, W], turned and mirrored as an EXIF orientation asks for.
at::Tensor upright(const at::Tensor& pixels, int orientation) {
  const at::Tensor turned = orientation >= 5 ? pixels.transpose(0, 1) : pixels;
  switch (orientation) {
    case 2:
    case 6:
      return at::flip(turned, {1}).contiguous();
    case 3:
    case 7:
      return at::flip(turned, {0, 1}).contiguous();
    case 4:
    case 8:
      return at::flip(turned, {0}).contiguous();
    default:
      return turned.contiguous();
  }
}

/// [H, W, 3] of [H, W, C].
at::Tensor rgb_of(const at::Tensor& samples) {
  const std::int64_t channels = samples.size(2);
  if (channels == 3) return samples;
  if (channels == 4) return samples.slice(2, 0, 3).contiguous();
  return samples.slice(2, 0, 1).expand({-1, -1, 3}).contiguous();
}

DecodedImage image_of(Raster raster, const ReadOptions& options) {
  DecodedImage image;
  image.mode = raster.mode;
  image.orientation = raster.orientation;
  image.more_frames = raster.more_frames;
  image.doubt = raster.doubt;
  const at::Tensor samples =
      upright(upright(tensor_of(raster), raster.turned), options.exif_rotation ? raster.orientation : 1);
  image.rgb = rgb_of(samples);
  if (image.mode == PixelMode::alpha) image.alpha = samples.select(2, samples.size(2) - 1).contiguous();
  return image;
}

/// Runs `work(permit)` and puts the path before what it throws.
template <class Work>
auto named(const Path& path, const ReadOptions& options, Work&& work) {
  return with_own_errors(path.string(), [&] {
    try {
      DecodingShare share;
      Permit permit(options.max_pixels, share);
      return work(permit);
    } catch (const ImageFault& fault) {
      throw data_error(path.string() + ": " + fault.what);
    }
  });
}

/// Thrown by a permit that is asked, so that a reader goes no further than the size.
struct SizeFound {
  ImageSize size;
};

/// ITU-R 601-2 luma with Pillow's 16-bit weights; they sum to 65536, so that grey stays what it is.
at::Tensor luma(const at::Tensor& rgb) {
  at::Tensor grey = at::empty({rgb.size(0), rgb.size(1)}, at::kByte);
  const auto* from = rgb.data_ptr<std::uint8_t>();
  auto* to = grey.data_ptr<std::uint8_t>();
  const std::int64_t count = grey.numel();
  for (std::int64_t i = 0; i < count; ++i)
    to[i] = static_cast<std::uint8_t>(
        (from[3 * i] * 19595u + from[3 * i + 1] * 38470u + from[3 * i + 2] * 7471u + 0x8000u) >> 16);
  return grey;
}

std::string text_of(const ImageSize& size) {
  return std::to_string(size.width) + " x " + std::to_string(size.height);
}

}  // namespace

DecodedImage decode_image(const Path& path, const ReadOptions& options) {
  return decode_image(read_image_file(path), path, options);
}

DecodedImage decode_image(std::string_view bytes, const Path& path, const ReadOptions& options) {
  return named(path, options, [&](Permit& permit) {
    return image_of(to_eight_bits(read_raster(bytes, permit), options.wide), options);
  });
}

at::Tensor read_image(const Path& path, const ReadOptions& options) {
  return decode_image(path, options).rgb;
}

at::Tensor read_grey(const Path& path, const ReadOptions& options) {
  return read_grey(read_image_file(path), path, options);
}

at::Tensor read_grey(std::string_view bytes, const Path& path, const ReadOptions& options) {
  return named(path, options, [&](Permit& permit) {
    return luma(image_of(mask_to_eight_bits(read_raster(bytes, permit)), options).rgb);
  });
}

ImageSize image_size(const Path& path, const ReadOptions& options) {
  const std::string bytes = read_image_file(path);
  if (options.exif_rotation) {
    const at::Tensor rgb = decode_image(bytes, path, options).rgb;
    return {rgb.size(0), rgb.size(1)};
  }
  return named(path, options, [&](Permit& permit) -> ImageSize {
    permit.on_size([](std::int64_t width, std::int64_t height) { throw SizeFound{{height, width}}; });
    try {
      const Raster raster = read_raster(bytes, permit);
      return {raster.height, raster.width};
    } catch (const SizeFound& found) {
      return found.size;
    }
  });
}

void require_same_aspect(const Path& image, const ImageSize& image_size, const Path& mask,
                         const ImageSize& mask_size) {
  const auto iw = static_cast<double>(image_size.width), ih = static_cast<double>(image_size.height);
  const auto mw = static_cast<double>(mask_size.width), mh = static_cast<double>(mask_size.height);
  constexpr double kSlack = 0.01;  // of an edge; and one pixel of the mask, which its size was rounded to
  const double expected = mw * ih / iw;
  if (std::abs(mh - expected) <= 1 + kSlack * expected) return;
  throw data_error(mask.string() + ": this mask has " + text_of(mask_size) + " pixels, its image " +
                   image.string() + " has " + text_of(image_size) +
                   ": another aspect; turn or cut the mask as the image was (an image that is turned by EXIF "
                   "alone: image.exif_rotation)");
}

std::string image_fault(std::string_view bytes, const Path& path, const ReadOptions& options) {
  try {
    decode_image(bytes, path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

void expect_whole_images(std::span<const Path> paths, const ReadOptions& options) {
  std::vector<std::string> faults(paths.size());
  at::parallel_for(0, static_cast<std::int64_t>(paths.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      try {
        decode_image(paths[at], options);
      } catch (const Error& error) {
        faults[at] = error.what();
      }
    }
  });
  expect_no_image_fault(std::move(faults));
}

void expect_no_image_fault(std::vector<std::string> faults) {
  std::erase(faults, std::string());
  if (faults.empty()) return;
  constexpr std::size_t kNamed = 10;
  std::string message;
  if (faults.size() > 1) message = std::to_string(faults.size()) + " images cannot be read: ";
  for (std::size_t i = 0; i < std::min(faults.size(), kNamed); ++i)
    message += (i > 0 ? "; " : "") + faults[i];
  if (faults.size() > kNamed) message += "; and " + std::to_string(faults.size() - kNamed) + " more";
  throw data_error(message);
}

}  // namespace res2clip
