#pragma once

#include <memory>
#include <set>

#include "res2clip/compute/options.hpp"

#include "../tower.hpp"

namespace res2clip::cpu {

/// The image tower on a processor with products and attention in bfloat16, or products of bytes (bf16, int8).
/// Residual streams, layer norms, activations and the sums of attention are float32; so are the convolution
/// of patches and the projections of features, a fiftieth of the products, after which nothing is rounded.
/// Between two products each row is passed over once: bias, residual addition, layer norm and rounding
/// together. The exact form, and the oracle, is run_tower().
class ReducedTower {
 public:
  /// `tower` must outlive this; its weights are float32 on the CPU. Throws a settings error where this
  /// LibTorch cannot multiply bytes.
  ReducedTower(const ImageTower& tower, Precision precision);
  ~ReducedTower();
  ReducedTower(ReducedTower&&) noexcept;
  ReducedTower& operator=(ReducedTower&&) noexcept;

  /// As run_tower(). An image has the same features in every batch, to the bit, as int8, whose products are
  /// exact; as bf16 if images come one by one.
  RawFeatures encode(const at::Tensor& images, const std::set<int>& layers) const;

  /// Whether rows have the full eight bits of a byte (int8): 127 is their largest one where products would
  /// overflow.
  bool full_bytes() const;

 private:
  struct Weights;
  class Run;
  std::unique_ptr<const Weights> weights_;
};

}  // namespace res2clip::cpu
