#pragma once

#include <deque>
#include <functional>
#include <future>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/clip/features.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/eval/evaluator.hpp"

namespace res2clip {

/// Encodes images from files and, where it pays, reads the images of announced batches in the background
/// meanwhile: with a GPU, which would wait for them otherwise; not on a CPU, where encoding takes all cores.
class ImageEncoder {
 public:
  using Prepare = std::function<at::Tensor(std::span<const Path>)>;  ///< files -> network input [B, 3, S, S]
  using Encode = std::function<Features(const at::Tensor&)>;

  /// With `background`, `prepare` is called from other threads, several calls at once.
  ImageEncoder(Prepare prepare, Encode encode, bool background);

  /// Announces a batch that will be asked for. The samples must live until then, at the same address.
  void announce(std::span<const Sample> batch);
  Features encode(std::span<const Sample> batch);

 private:
  struct Reading {
    std::span<const Sample> batch;
    std::future<at::Tensor> images;
  };
  at::Tensor images_of(std::span<const Sample> batch);

  Prepare prepare_;
  Encode encode_;
  bool background_;
  std::deque<Reading> readings_;
};

/// The input of an evaluation that encodes its images with `encoder` (which must outlive it) and reads its
/// masks from files.
EvaluationInput input_from_files(ImageEncoder& encoder);

}  // namespace res2clip
