#include "res2clip/image/read.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/from_blob.h>

#include "res2clip/compute/parallel.hpp"
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

/// Whether a PNG or JPEG file has its end where it should be, and samples that no setting has a say about.
bool ends_whole(std::string_view bytes) {
  constexpr std::string_view kPngEnd("IEND\xae\x42\x60\x82", 8), kJpegEnd = "\xff\xd9";
  constexpr std::size_t kPngDepth = 24;  // in the header chunk
  const auto format = image_format(bytes);
  if (format == ImageFormat::png)
    return bytes.size() > kPngDepth && bytes[kPngDepth] <= 8 && bytes.ends_with(kPngEnd);
  return format == ImageFormat::jpeg && bytes.ends_with(kJpegEnd);
}

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
  return image_size(read_image_file(path), path, options);
}

ImageSize image_size(std::string_view bytes, const Path& path, const ReadOptions& options) {
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

std::string image_fault(std::string_view bytes, const Path& path, const ReadOptions& options) {
  try {
    if (ends_whole(bytes))
      image_size(bytes, path, options);
    else
      decode_image(bytes, path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

void require_whole_images(std::span<const Path> paths, const ReadOptions& options) {
  std::vector<std::string> faults(paths.size());
  parallel_for_each(paths.size(), [&](std::size_t i) {
    try {
      faults[i] = image_fault(read_image_file(paths[i]), paths[i], options);
    } catch (const Error& error) {
      faults[i] = error.what();
    }
  });
  require_no_image_fault(std::move(faults));
}

void require_no_image_fault(std::vector<std::string> faults) {
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
