#include "encode_graphs.hpp"

#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace res2clip {
namespace {

constexpr std::int64_t kMostImages = 4;  // a larger batch keeps the GPU busy while its launches are queued
constexpr std::size_t kMostShapes = 4;   // each graph keeps its own memory

}  // namespace

FusedTower::Encoded FusedTower::Graphs::encode(const at::Tensor& images, const std::set<int>& layers,
                                               const Encode& encode) {
  // Recorded tensors are shared: the order of one stream keeps one call's results from the next call's
  // writes.
  if (images.size(0) > kMostImages || c10::cuda::getCurrentCUDAStream() != c10::cuda::getDefaultCUDAStream())
    return encode(images);
  const std::lock_guard lock(mutex_);
  const Shape shape{images.sizes().vec(), layers};
  if (!recorded_.contains(shape) && recorded_.size() == kMostShapes) return encode(images);
  Recorded& recorded = recorded_[shape];
  if (!recorded.seen) {
    recorded.seen = true;
    return encode(images);
  }
  if (!recorded.graph) record(recorded, images, encode);
  return replay(recorded, images);
}

void FusedTower::Graphs::record(Recorded& recorded, const at::Tensor& images, const Encode& encode) {
  recorded.images = at::empty_like(images);
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  c10::cuda::getCurrentCUDAStream().synchronize();
  {
    const c10::cuda::CUDAStreamGuard on_side(c10::cuda::getStreamFromPool());
    // Other threads may go on copying and allocating.
    graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    recorded.encoded = encode(recorded.images);
    graph->capture_end();
  }
  recorded.graph = std::move(graph);
}

FusedTower::Encoded FusedTower::Graphs::replay(Recorded& recorded, const at::Tensor& images) {
  recorded.images.copy_(images, /*non_blocking=*/true);
  recorded.graph->replay();
  Encoded encoded = recorded.encoded;
  encoded.not_finite = encoded.not_finite.clone();
  encoded.features.global = encoded.features.global.clone();
  for (auto& [layer, patches] : encoded.features.patches) patches = patches.clone();
  return encoded;
}

}  // namespace res2clip
