#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace res2clip {

struct AdamOptions {
  double beta1 = 0.5;
  double beta2 = 0.999;
  double eps = 1e-8;
};

/// A weight and its running moments. The weight requires gradients and is changed in place.
struct AdamParameter {
  std::string name;
  at::Tensor weight;
  at::Tensor mean;    ///< running mean of the gradient
  at::Tensor square;  ///< running mean of its square
  double rate = 1;    ///< its own learning rate, of which each step takes a share
};

/// Adam without weight decay, equal to PyTorch's: the same operations in the same order.
class Adam {
 public:
  explicit Adam(const AdamOptions& options) : options_(options) {}

  /// Takes a weight in, with moments of zero and a learning rate of its own.
  void add(const std::string& name, const at::Tensor& weight, double rate = 1.0);

  /// Updates every weight by its gradient, at `share` times its rate. Weights without a gradient count as
  /// gradient zero. A share or rate of zero changes no weight but the moments.
  void step(double share);

  /// Scales all gradients so that their total L2 norm is at most `limit`, as PyTorch does; returns the norm
  /// before.
  double clip_gradients(double limit);
  void clear_gradients();

  std::vector<AdamParameter>& parameters() { return parameters_; }
  const std::vector<AdamParameter>& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  AdamOptions options_;
  std::vector<AdamParameter> parameters_;
  std::int64_t steps_ = 0;
};

}  // namespace res2clip
