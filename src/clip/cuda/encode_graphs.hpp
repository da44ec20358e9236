#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include <ATen/cuda/CUDAGraph.h>

#include "fused_tower.hpp"

namespace res2clip {

/// Small batches take the processor longer to launch than the GPU to compute: their hundreds of launches are
/// recorded once, and replayed as one.
class FusedTower::Graphs {
 public:
  using Encode = std::function<Encoded(const at::Tensor& images)>;

  /// `encode(images)`: as it is for large batches, for the first call of a shape, and on other streams than
  /// the default one; otherwise by replaying what was recorded.
  Encoded encode(const at::Tensor& images, const std::set<int>& layers, const Encode& encode);

 private:
  struct Shape {
    std::vector<std::int64_t> sizes;
    std::set<int> layers;
    auto operator<=>(const Shape&) const = default;
  };
  struct Recorded {
    bool seen = false;  // once, without a graph: libraries choose their algorithms then
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    at::Tensor images;  // what the graph reads
    Encoded encoded;    // what it writes
  };

  static void record(Recorded& recorded, const at::Tensor& images, const Encode& encode);
  static Encoded replay(Recorded& recorded, const at::Tensor& images);

  std::mutex mutex_;
  std::map<Shape, Recorded> recorded_;
};

}  // namespace res2clip
