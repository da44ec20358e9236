#include "res2clip/features/batch_reader.hpp"

#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include "res2clip/core/files.hpp"
#include "res2clip/image/remarks.hpp"
#include "res2clip/image/tiles.hpp"

namespace res2clip {
namespace {

/// Reads a file into its rows of a batch.
ImageRead read_image_into(const at::Tensor& inputs, const Path& path, const ReadingOptions& options) {
  ImageRead read;
  try {
    const std::string bytes = read_image_file(path);
    if (options.identities) read.identity = sha256(bytes);
    const DecodedImage image = decode_image(bytes, path, options.image.reading);
    if (options.remarks) options.remarks->add(path, image);
    prepare_inputs_into(inputs, image, options.image, options.tiling, path.string());
    read.height = image.rgb.size(0);
    read.width = image.rgb.size(1);
    if (options.pixels) read.pixels = image.rgb;
  } catch (...) {
    read.failure = std::current_exception();
    inputs.zero_();
  }
  return read;
}

}  // namespace

void ImageBatch::require_whole() const {
  for (const ImageRead& image : images)
    if (image.failure) std::rethrow_exception(image.failure);
}

at::Tensor ImageBatch::whole_inputs() const {
  std::vector<std::int64_t> whole;
  for (std::size_t i = 0; i < images.size(); ++i)
    if (!images[i].failure) whole.push_back(static_cast<std::int64_t>(i));
  if (whole.size() == images.size()) return input;
  const auto count = static_cast<std::int64_t>(images.size());
  return input.unflatten(0, {count, input.size(0) / count})
      .index_select(0, at::tensor(whole, at::kLong))
      .flatten(0, 1);
}

ImageBatch PendingBatch::wait() {
  ImageBatch batch{std::move(input_), {}};
  for (auto& image : images_) batch.images.push_back(image.get());
  return batch;
}

BatchReader::BatchReader(const ReadingOptions& options)
    : options_(options),
      busy_(std::make_unique<StageClock>()),
      workers_(std::make_unique<Workers>(options.threads)) {}

PendingBatch BatchReader::start(std::span<const Path> images) {
  const std::int64_t size = options_.image.size, each = inputs_of(options_.tiling);
  PendingBatch batch;
  // LibTorch keeps page-locked memory for the next batch of this size.
  batch.input_ = at::empty({static_cast<std::int64_t>(images.size()) * each, 3, size, size},
                           at::TensorOptions(at::kFloat).pinned_memory(options_.page_locked));
  for (std::size_t i = 0; i < images.size(); ++i)
    batch.images_.push_back(
        workers_->submit([inputs = batch.input_.narrow(0, static_cast<std::int64_t>(i) * each, each),
                          path = images[i], options = options_, busy = busy_.get()] {
          const StageClock::Busy reading(*busy);
          return read_image_into(inputs, path, options);
        }));
  return batch;
}

}  // namespace res2clip
