#include "res2clip/model/smoothing.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// One dimension of the separable window as a sum of shifted maps. Plain additions give the same bits for any batch,
/// thread count and convolution library, and no device's convolution precision setting touches them.
at::Tensor smooth_along(const at::Tensor& maps, int dimension, const std::vector<float>& window) {
  const auto size = static_cast<std::int64_t>(window.size());
  const std::int64_t radius = size / 2;
  const std::vector<std::int64_t> margins = dimension == 2 ? std::vector<std::int64_t>{radius, radius}
                                                           : std::vector<std::int64_t>{0, 0, radius, radius};
  const at::Tensor padded = at::constant_pad_nd(maps, margins);
  const std::int64_t length = maps.size(dimension);
  at::Tensor sum = padded.narrow(dimension, 0, length).mul(window[0]);
  for (std::int64_t i = 1; i < size; ++i)
    sum.add_(padded.narrow(dimension, i, length), window[static_cast<std::size_t>(i)]);
  return sum;
}

}  // namespace

at::Tensor upsample(const at::Tensor& scores, std::int64_t height, std::int64_t width) {
  return at::upsample_bilinear2d(scores.unsqueeze(1), {height, width}, /*align_corners=*/false).squeeze(1);
}

at::Tensor gaussian_window(std::int64_t size, double sigma) {
  if (size < 1 || size % 2 == 0)
    throw settings_error("scoring.smoothing_size is " + std::to_string(size) + "; it must be odd");
  std::vector<double> weights;
  double total = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto distance = static_cast<double>(i - size / 2);
    weights.push_back(std::exp(-distance * distance / (2 * sigma * sigma)));
    total += weights.back();
  }
  at::Tensor window = at::empty({size});
  for (std::int64_t i = 0; i < size; ++i)
    window.mutable_data_ptr<float>()[i] = static_cast<float>(weights[static_cast<std::size_t>(i)] / total);
  return window;
}

at::Tensor gaussian_smooth(const at::Tensor& maps, std::int64_t size, double sigma) {
  const at::Tensor window = gaussian_window(size, sigma);
  const float* first = window.const_data_ptr<float>();
  const std::vector<float> weights(first, first + size);
  return smooth_along(smooth_along(maps, 2, weights), 1, weights);
}

}  // namespace res2clip
