#include "res2clip/image/prepare.hpp"

#include <array>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/image/examine.hpp"
#include "res2clip/image/resize.hpp"

namespace res2clip {
namespace {

/// uint8 [S, S, 3] -> float32 [3, S, S], which is written to `input`
void normalise_into(const at::Tensor& input, const at::Tensor& rgb, const Normalisation& normalisation) {
  std::array<std::array<float, 256>, 3> normalised;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto mean = static_cast<float>(normalisation.mean[c]);
    const auto deviation = static_cast<float>(normalisation.deviation[c]);
    for (std::size_t value = 0; value < 256; ++value)
      normalised[c][value] = (static_cast<float>(value) / 255.0f - mean) / deviation;
  }
  TORCH_CHECK(input.sizes() == at::IntArrayRef({3, rgb.size(0), rgb.size(1)}) && input.is_contiguous(),
              "a prepared image wants room for float32 [3, S, S]");
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
  at::Tensor input = at::empty({3, options.size, options.size}, at::kFloat);
  normalise_into(input, resize_bicubic(rgb, options.size, options.size), options.normalisation);
  return input;
}

at::Tensor prepare_image(const Path& path, const ImageOptions& options) {
  return prepare_image(decode_image(path), options);
}

at::Tensor prepare_image(const DecodedImage& image, const ImageOptions& options) {
  at::Tensor input = at::empty({3, options.size, options.size}, at::kFloat);
  prepare_image_into(input, image, options);
  return input;
}

void prepare_image_into(const at::Tensor& input, const DecodedImage& image, const ImageOptions& options) {
  normalise_into(input, resized(image, options), options.normalisation);
}

at::Tensor prepare_images(std::span<const Path> paths, const ImageOptions& options) {
  std::vector<at::Tensor> prepared(paths.size());
  parallel_for_each(paths.size(), [&](std::size_t i) { prepared[i] = prepare_image(paths[i], options); });
  return at::stack(prepared);
}

at::Tensor prepare_mask(const at::Tensor& mask, std::int64_t size) {
  const at::Tensor full = mask.gt(0).to(at::kByte).mul(255);
  // Above half of full scale: 255 * 0.5 = 127.5.
  return resize_bilinear(full, size, size).gt(127).to(at::kByte);
}

at::Tensor prepare_mask(const Path& path, std::int64_t size) {
  return prepare_mask(read_whole_mask(path), size);
}

}  // namespace res2clip
