#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/features/batch_reader.hpp"
#include "res2clip/features/feature_source.hpp"
#include "res2clip/image/options.hpp"

namespace res2clip {

/// Features that a backbone gives of image files. Files of announced images are read while others are
/// encoded: up to two batches ahead, so that memory holds three.
class EncodedFeatures final : public FeatureSource {
 public:
  /// Prepared images [B, 3, S, S] -> features of these layers.
  using Encode = std::function<Features(const at::Tensor& images, std::span<const int> layers)>;

  /// Encodes `batch_size` images at once with a backbone, which must outlive this. `image` is fitted to it.
  /// `remarks`, if given, hear of each image that is decoded.
  EncodedFeatures(const Backbone& backbone, const ImageOptions& image, std::vector<int> layers,
                  std::int64_t batch_size, std::shared_ptr<ImageRemarks> remarks = nullptr);
  /// The same with any other encoder.
  EncodedFeatures(Encode encode, const ReadingOptions& reading, std::vector<int> layers,
                  std::int64_t batch_size);

  /// Of the layers that were named at the beginning.
  Features of(std::span<const Path> images) override;
  void soon(std::span<const Path> images) override;

  /// Images with the SHA-256 of the bytes that were decoded.
  struct Identified {
    Features features;
    std::vector<std::string> identities;
  };
  /// Of other layers. Throws a data error for a file that cannot be read.
  Identified identified(std::span<const Path> images, std::span<const int> layers);

  std::size_t batch_size() const { return batch_size_; }
  const BatchReader& reader() const { return reader_; }

 private:
  struct Reading {
    std::vector<Path> images;
    PendingBatch batch;
  };
  std::deque<Reading>::iterator find_ahead(std::span<const Path> images);
  ImageBatch read(std::span<const Path> images);
  Identified encode_batch(std::span<const Path> images, std::span<const int> layers);

  Encode encode_;
  BatchReader reader_;
  std::vector<int> layers_;
  std::size_t batch_size_;
  std::deque<Reading> ahead_;
};

}  // namespace res2clip
