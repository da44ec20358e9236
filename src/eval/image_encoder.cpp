#include "res2clip/eval/image_encoder.hpp"

#include <algorithm>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace res2clip {

at::Tensor read_images(std::span<const Sample> samples, const ImageOptions& options, bool page_locked) {
  const auto count = static_cast<std::int64_t>(samples.size());
  at::Tensor images = at::empty({count, 3, options.size, options.size},
                                at::TensorOptions().dtype(at::kFloat).pinned_memory(page_locked));
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) images[i].copy_(prepare_image(samples[i].image, options));
  });
  return images;
}

ImageEncoder::ImageEncoder(const Backbone& backbone, const ImageOptions& options, std::vector<int> layers)
    : backbone_(backbone),
      options_(options),
      layers_(std::move(layers)),
      background_(backbone.device().is_cuda()) {}

void ImageEncoder::announce(std::span<const Sample> batch) {
  if (!background_) return;
  readings_.push_back({batch, std::async(std::launch::async, [batch, options = options_] {
                         return read_images(batch, options, true);
                       })});
}

at::Tensor ImageEncoder::images_of(std::span<const Sample> batch) {
  const auto found = std::find_if(readings_.begin(), readings_.end(), [&](const Reading& reading) {
    return reading.batch.data() == batch.data() && reading.batch.size() == batch.size();
  });
  if (found != readings_.end()) {
    auto images = std::move(found->images);
    readings_.erase(readings_.begin(), found + 1);  // with what was announced before it and not asked for
    return images.get();
  }
  return read_images(batch, options_, background_);
}

Features ImageEncoder::encode(std::span<const Sample> batch) {
  return backbone_.encode(images_of(batch), layers_);
}

EvaluationInput input_from_files(ImageEncoder& encoder) {
  EvaluationInput input;
  input.features = [&encoder](std::span<const Sample> batch) { return encoder.encode(batch); };
  input.upcoming = [&encoder](std::span<const Sample> batch) { encoder.announce(batch); };
  input.mask = [](const Sample& sample, std::int64_t size) { return prepare_mask(sample.mask, size); };
  return input;
}

}  // namespace res2clip
