#include "res2clip/image/prepare.hpp"

#include <array>
#include <cmath>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/image/examine.hpp"
#include "res2clip/image/resize.hpp"

#include "foreign_errors.hpp"
#include "pixels.hpp"

namespace res2clip {
namespace {

/// uint8 [S, S, 3] -> float32 [3, S, S], which is written to `input`
void normalise_into(const at::Tensor& input, const at::Tensor& rgb, const Normalisation& normalisation) {
  std::array<std::array<float, 256>, 3> normalised;
  for (std::size_t c = 0; c < 3; ++c) {
    if (!std::isfinite(normalisation.mean[c]) || !std::isfinite(normalisation.deviation[c]) ||
        normalisation.deviation[c] <= 0)
      throw settings_error("the normalisation of images is not a finite mean and a positive deviation");
    const auto mean = static_cast<float>(normalisation.mean[c]);
    const auto deviation = static_cast<float>(normalisation.deviation[c]);
    for (std::size_t value = 0; value < 256; ++value)
      normalised[c][value] = (static_cast<float>(value) / 255.0f - mean) / deviation;
  }
  if (!input.defined() || input.scalar_type() != at::kFloat || !input.device().is_cpu() ||
      input.sizes() != at::IntArrayRef({3, rgb.size(0), rgb.size(1)}) || !input.is_contiguous())
    throw data_error("prepare_image_into: the room for the image must be float32 [3, " +
                     std::to_string(rgb.size(0)) + ", " + std::to_string(rgb.size(1)) +
                     "], contiguous, on the CPU");
  const auto* from = rgb.data_ptr<std::uint8_t>();
  auto* to = input.data_ptr<float>();
  const std::int64_t pixels = rgb.size(0) * rgb.size(1);
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::int64_t c = 0; c < 3; ++c)
      to[c * pixels + i] = normalised[static_cast<std::size_t>(c)][from[3 * i + c]];
}

at::Tensor resized(const DecodedImage& image, const ImageOptions& options) {
  const std::int64_t size = options.size;
  if (!options.convert_before_resize && image.mode == PixelMode::indexed)
    return resize_nearest(image.rgb, size, size);
  if (!options.convert_before_resize && image.mode == PixelMode::alpha)
    return resize_bicubic_premultiplied(image.rgb, image.alpha, size, size);
  return resize_bicubic(image.rgb, size, size);
}

}  // namespace

at::Tensor prepare_image(const at::Tensor& rgb, const ImageOptions& options) {
  return with_own_errors("prepare_image", [&] {
    const at::Tensor resized = resize_bicubic(rgb_pixels(rgb, "prepare_image"), options.size, options.size);
    at::Tensor input = at::empty({3, options.size, options.size}, at::kFloat);
    normalise_into(input, resized, options.normalisation);
    return input;
  });
}

at::Tensor prepare_image(const Path& path, const ImageOptions& options) {
  return prepare_image(decode_image(path, options.reading), options);
}

at::Tensor prepare_image(const DecodedImage& image, const ImageOptions& options) {
  return with_own_errors("prepare_image", [&] {
    const at::Tensor rgb = resized(image, options);
    at::Tensor input = at::empty({3, options.size, options.size}, at::kFloat);
    normalise_into(input, rgb, options.normalisation);
    return input;
  });
}

void prepare_image_into(const at::Tensor& input, const DecodedImage& image, const ImageOptions& options) {
  with_own_errors("prepare_image_into",
                  [&] { normalise_into(input, resized(image, options), options.normalisation); });
}

at::Tensor prepare_images(std::span<const Path> paths, const ImageOptions& options, ImageRemarks* remarks) {
  require_size(options.size, options.size, "prepare_images");
  if (paths.empty()) return at::empty({0, 3, options.size, options.size}, at::kFloat);
  std::vector<at::Tensor> prepared(paths.size());
  parallel_for_each(paths.size(), [&](std::size_t i) {
    const DecodedImage image = decode_image(paths[i], options.reading);
    if (remarks != nullptr) remarks->add(paths[i], image);
    prepared[i] = prepare_image(image, options);
  });
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
  return prepare_mask(read_whole_mask(path, options), size);
}

}  // namespace res2clip
