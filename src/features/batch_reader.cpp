#include "res2clip/features/batch_reader.hpp"

#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include "res2clip/core/files.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/image/remarks.hpp"

namespace res2clip {
namespace {

/// Reads a file into its row of a batch.
ImageRead read_image_into(const at::Tensor& input, const Path& path, const ReadingOptions& options) {
  ImageRead read;
  try {
    const std::string bytes = read_image_file(path);
    if (options.identities) read.identity = sha256(bytes);
    const DecodedImage image = decode_image(bytes, path, options.image.reading);
    if (options.remarks) options.remarks->add(path, image);
    prepare_image_into(input, image, options.image);
    read.height = image.rgb.size(0);
    read.width = image.rgb.size(1);
    if (options.pixels) read.pixels = image.rgb;
  } catch (...) {
    read.failure = std::current_exception();
    input.zero_();
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
  return whole.size() == images.size() ? input : input.index_select(0, at::tensor(whole, at::kLong));
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
  const std::int64_t size = options_.image.size;
  PendingBatch batch;
  // LibTorch keeps page-locked memory for the next batch of this size.
  batch.input_ = at::empty({static_cast<std::int64_t>(images.size()), 3, size, size},
                           at::TensorOptions(at::kFloat).pinned_memory(options_.page_locked));
  for (std::size_t i = 0; i < images.size(); ++i)
    batch.images_.push_back(workers_->submit([input = batch.input_.select(0, static_cast<std::int64_t>(i)),
                                              path = images[i], options = options_, busy = busy_.get()] {
      const StageClock::Busy reading(*busy);
      return read_image_into(input, path, options);
    }));
  return batch;
}

}  // namespace res2clip
