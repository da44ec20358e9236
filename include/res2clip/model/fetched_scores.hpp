#pragma once

#include <memory>

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include "res2clip/model/detector.hpp"

namespace res2clip {

/// The fused map and the scores of a batch's detections, on their way to the CPU. A GPU copies them as soon
/// as they are there, while the host queues the next batch.
class FetchedScores {
 public:
  /// `shares`: what familiarity() gave of the batch, if it was asked.
  explicit FetchedScores(const Detection& detection, const at::Tensor& shares = {});

  /// Waits for the copies. The tensors are valid afterwards: map [B, H, W], the others [B].
  void wait();

  at::Tensor map, score, text, visual, residual;
  at::Tensor familiarity;  ///< [B, 2]; undefined where nobody asked

 private:
  std::unique_ptr<c10::Event> copied_;  // null where nothing is on its way
};

}  // namespace res2clip
