#include "res2clip/image/prepare.hpp"

#include <array>
#include <exception>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "res2clip/image/resize.hpp"

#include "foreign_errors.hpp"
#include "pixels.hpp"

namespace res2clip {
namespace {

constexpr std::array<float, 3> kMean{0.48145466f, 0.4578275f, 0.40821073f};
constexpr std::array<float, 3> kDeviation{0.26862954f, 0.26130258f, 0.27577711f};

/// uint8 [S, S, 3] -> float32 [3, S, S]
at::Tensor normalise(const at::Tensor& rgb) {
  std::array<std::array<float, 256>, 3> normalised;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t value = 0; value < 256; ++value)
      normalised[c][value] = (static_cast<float>(value) / 255.0f - kMean[c]) / kDeviation[c];
  at::Tensor input = at::empty({3, rgb.size(0), rgb.size(1)}, at::kFloat);
  const auto* from = rgb.data_ptr<std::uint8_t>();
  auto* to = input.data_ptr<float>();
  const std::int64_t pixels = rgb.size(0) * rgb.size(1);
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::int64_t c = 0; c < 3; ++c)
      to[c * pixels + i] = normalised[static_cast<std::size_t>(c)][from[3 * i + c]];
  return input;
}

}  // namespace

void describe(Fields& fields, ImageOptions& options) {
  fields.field("size", options.size, Range<std::int64_t>{0, 8192},
               "side of the square that images are resized to; 0: what the backbone was exported for");
  fields.field("convert_before_resize", options.convert_before_resize,
               "convert to RGB before resizing (false: after, as the authors' loader does)");
  describe(fields, options.reading);
}

at::Tensor prepare_image(const at::Tensor& rgb, std::int64_t size) {
  return with_own_errors("prepare_image", [&] {
    return normalise(resize_bicubic(rgb_pixels(rgb, "prepare_image"), size, size));
  });
}

at::Tensor prepare_image(const Path& path, const ImageOptions& options) {
  return prepare_image(decode_image(path, options.reading), options);
}

at::Tensor prepare_image(const DecodedImage& image, const ImageOptions& options) {
  const std::int64_t size = options.size;
  if (!options.convert_before_resize && image.mode == PixelMode::indexed)
    return normalise(resize_nearest(image.rgb, size, size));
  if (!options.convert_before_resize && image.mode == PixelMode::alpha)
    return normalise(resize_bicubic_premultiplied(image.rgb, image.alpha, size, size));
  return prepare_image(image.rgb, size);
}

at::Tensor prepare_images(std::span<const Path> paths, const ImageOptions& options, ImageRemarks* remarks) {
  if (paths.empty()) return at::empty({0, 3, options.size, options.size}, at::kFloat);
  std::vector<at::Tensor> prepared(paths.size());
  std::vector<std::exception_ptr> failures(paths.size());  // the first in the files' order is thrown
  at::parallel_for(0, static_cast<std::int64_t>(paths.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      try {
        const DecodedImage image = decode_image(paths[at], options.reading);
        if (remarks != nullptr) remarks->add(paths[at], image);
        prepared[at] = prepare_image(image, options);
      } catch (...) {
        failures[at] = std::current_exception();
      }
    }
  });
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return with_own_errors("prepare_images", [&] { return at::stack(prepared); });
}

at::Tensor prepare_mask(const at::Tensor& mask, std::int64_t size) {
  return with_own_errors("prepare_mask", [&] {
    const at::Tensor full = mask_pixels(mask, "prepare_mask").gt(0).to(at::kByte).mul(255);
    // Above half of full scale: 255 * 0.5 = 127.5.
    return resize_bilinear(full, size, size).gt(127).to(at::kByte);
  });
}

at::Tensor prepare_mask(const Path& path, std::int64_t size, const ReadOptions& options) {
  return prepare_mask(read_grey(path, options), size);
}

}  // namespace res2clip
