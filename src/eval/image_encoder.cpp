#include "res2clip/eval/image_encoder.hpp"

#include <algorithm>
#include <utility>

#include "res2clip/image/prepare.hpp"

namespace res2clip {
namespace {

std::vector<Path> paths_of(std::span<const Sample> batch) {
  std::vector<Path> paths;
  for (const auto& sample : batch) paths.push_back(sample.image);
  return paths;
}

}  // namespace

ImageEncoder::ImageEncoder(Prepare prepare, Encode encode, bool background)
    : prepare_(std::move(prepare)), encode_(std::move(encode)), background_(background) {}

void ImageEncoder::announce(std::span<const Sample> batch) {
  if (!background_) return;
  readings_.push_back({batch, std::async(std::launch::async, [prepare = prepare_, paths = paths_of(batch)] {
                         return prepare(paths);
                       })});
}

at::Tensor ImageEncoder::images_of(std::span<const Sample> batch) {
  const auto found = std::find_if(readings_.begin(), readings_.end(), [&](const Reading& reading) {
    return reading.batch.data() == batch.data() && reading.batch.size() == batch.size();
  });
  if (found == readings_.end()) return prepare_(paths_of(batch));
  auto images = std::move(found->images);
  readings_.erase(readings_.begin(), found + 1);  // with what was announced before it and never asked for
  return images.get();
}

Features ImageEncoder::encode(std::span<const Sample> batch) {
  return encode_(images_of(batch));
}

EvaluationInput input_from_files(ImageEncoder& encoder) {
  EvaluationInput input;
  input.features = [&encoder](std::span<const Sample> batch) { return encoder.encode(batch); };
  input.upcoming = [&encoder](std::span<const Sample> batch) { encoder.announce(batch); };
  input.mask = [](const Sample& sample, std::int64_t size) { return prepare_mask(sample.mask, size); };
  return input;
}

}  // namespace res2clip
