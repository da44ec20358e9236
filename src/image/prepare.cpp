#include "res2clip/image/prepare.hpp"

#include <array>
#include <exception>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "res2clip/image/resize.hpp"

namespace res2clip {
namespace {

/// uint8 [S, S, 3] -> float32 [3, S, S]
at::Tensor normalise(const at::Tensor& rgb, const Normalisation& normalisation) {
  std::array<std::array<float, 256>, 3> normalised;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto mean = static_cast<float>(normalisation.mean[c]);
    const auto deviation = static_cast<float>(normalisation.deviation[c]);
    for (std::size_t value = 0; value < 256; ++value)
      normalised[c][value] = (static_cast<float>(value) / 255.0f - mean) / deviation;
  }
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

at::Tensor prepare_image(const at::Tensor& rgb, const ImageOptions& options) {
  return normalise(resize_bicubic(rgb, options.size, options.size), options.normalisation);
}

at::Tensor prepare_image(const Path& path, const ImageOptions& options) {
  return prepare_image(decode_image(path), options);
}

at::Tensor prepare_image(const DecodedImage& image, const ImageOptions& options) {
  const std::int64_t size = options.size;
  if (!options.convert_before_resize && image.mode == PixelMode::indexed)
    return normalise(resize_nearest(image.rgb, size, size), options.normalisation);
  if (!options.convert_before_resize && image.mode == PixelMode::alpha)
    return normalise(resize_bicubic_premultiplied(image.rgb, image.alpha, size, size), options.normalisation);
  return prepare_image(image.rgb, options);
}

at::Tensor prepare_images(std::span<const Path> paths, const ImageOptions& options) {
  std::vector<at::Tensor> prepared(paths.size());
  std::vector<std::exception_ptr> failures(paths.size());  // exceptions may not leave a parallel region
  at::parallel_for(0, static_cast<std::int64_t>(paths.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      try {
        prepared[at] = prepare_image(paths[at], options);
      } catch (...) {
        failures[at] = std::current_exception();
      }
    }
  });
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return at::stack(prepared);
}

at::Tensor prepare_mask(const at::Tensor& mask, std::int64_t size) {
  const at::Tensor full = mask.gt(0).to(at::kByte).mul(255);
  // Above half of full scale: 255 * 0.5 = 127.5.
  return resize_bilinear(full, size, size).gt(127).to(at::kByte);
}

at::Tensor prepare_mask(const Path& path, std::int64_t size) {
  return prepare_mask(read_grey(path), size);
}

}  // namespace res2clip
