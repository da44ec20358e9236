#pragma once

#include <memory>
#include <set>

#include <ATen/core/Tensor.h>

#include "../batch_padding.hpp"
#include "../tower.hpp"

namespace res2clip {

/// The image tower on a CUDA device, with few passes over memory between its matrix products: weights are
/// converted, transposed and scaled once; residual additions are the products' own; biases of the residual
/// streams are kept apart and added where a row is read next; additions, layer norm and conversion are one
/// kernel (tower_rows.hpp). The reference implementation is run_tower().
class FusedTower {
 public:
  /// Whether this build, LibTorch and the tower's width allow it.
  static bool fits(const ModelCard& card);

  /// `product_type` is the type of what matrix products and attention read: float32, float16 (TF32's
  /// mantissa, a smaller range) or bfloat16. Sums, residual streams, norms and results are float32. `tower`
  /// may lie on any device; its weights are float32.
  FusedTower(const ImageTower& tower, at::ScalarType product_type, const c10::Device& device);
  ~FusedTower();
  FusedTower(FusedTower&&) noexcept;
  FusedTower& operator=(FusedTower&&) noexcept;

  struct Encoded {
    RawFeatures features;   ///< L2-normalised, unlike run_tower's
    at::Tensor not_finite;  ///< [1] int32 on the device: 1 where a feature is not finite
  };
  /// Images [B, 3, H, W] on the device. Does not wait for the device. The first calls for a batch of up to a
  /// few images record a CUDA graph, which later calls of the same shape replay. If attention is cuDNN's,
  /// which plans each size of a batch anew, a batch smaller than earlier ones is encoded as one of their
  /// size.
  Encoded encode(const at::Tensor& images, const std::set<int>& layers) const;

 private:
  struct Weights;
  class Run;
  class Graphs;
  Encoded encode_as_it_is(const at::Tensor& images, const std::set<int>& layers) const;

  std::unique_ptr<const Weights> weights_;
  std::unique_ptr<Graphs> graphs_;
  std::unique_ptr<BatchPadding> padding_;  // none: no size of a batch takes a plan
};

}  // namespace res2clip
