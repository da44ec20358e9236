#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/backbone.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/eval/evaluator.hpp"
#include "res2clip/image/prepare.hpp"

namespace res2clip {

/// Reads and prepares images on all threads: float32 [B, 3, S, S] on the CPU, in page-locked memory where
/// asked (for a CUDA device). Throws the data errors of prepare_image.
at::Tensor read_images(std::span<const Sample> samples, const ImageOptions& options,
                       bool page_locked = false);

/// Features of images from files. Where the backbone runs on a GPU, the images of announced batches are read
/// in the background meanwhile; on a CPU there would be nothing to gain, as encoding takes all cores.
class ImageEncoder {
 public:
  /// The backbone must outlive the encoder.
  ImageEncoder(const Backbone& backbone, const ImageOptions& options, std::vector<int> layers);

  Features encode(std::span<const Sample> batch);
  void announce(std::span<const Sample> batch);

 private:
  struct Reading {
    std::span<const Sample> batch;
    std::future<at::Tensor> images;
  };
  at::Tensor images_of(std::span<const Sample> batch);

  const Backbone& backbone_;
  ImageOptions options_;
  std::vector<int> layers_;
  bool background_;
  std::deque<Reading> readings_;
};

/// The input of an evaluation that encodes its images with `encoder` (which must outlive it) and reads its
/// masks from files.
EvaluationInput input_from_files(ImageEncoder& encoder);

}  // namespace res2clip
