#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include "res2clip/core/error.hpp"
#include "res2clip/model/detector.hpp"

namespace res2clip {

/// Whether all of an image's map and scores are finite numbers: bool [B], on the detection's device.
at::Tensor finite_images(const Detection& detection);

/// The fused map and the scores of a batch's detections, on their way to the CPU. A GPU copies them as soon
/// as they are there, while the host queues the next batch.
class FetchedScores {
 public:
  /// `shares`: what familiarity() gave of the batch, if it was asked. `branch_maps`: those are wanted too.
  explicit FetchedScores(const Detection& detection, const at::Tensor& shares = {}, bool branch_maps = false);

  /// Waits for the copies. The tensors are valid afterwards: maps [B, H, W], the others [B].
  void wait();

  /// Whether all of image `row`'s map and scores are finite numbers. Valid after wait(). If not, the
  /// backbone, the references or the adapters hold numbers too large to compute with, and the image has no
  /// result.
  bool finite(std::int64_t row) const;
  /// The data error that says so. `image`: its path.
  static Error not_finite(const std::string& image);

  at::Tensor map, score, text, visual, residual;
  at::Tensor text_map, visual_map, residual_map;  ///< undefined where nobody asked
  at::Tensor familiarity;                         ///< [B, 2]; undefined where nobody asked

 private:
  at::Tensor finite_;                   // [B]
  std::unique_ptr<c10::Event> copied_;  // null where nothing is on its way
};

}  // namespace res2clip
