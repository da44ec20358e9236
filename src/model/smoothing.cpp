#include "res2clip/model/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// One dimension of the separable window as a sum of shifted maps, on any device. Plain additions: no
/// device's convolution precision setting touches them.
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

/// One row of the result: the window down the rows of `map` [height, width] around row `y` into `column`,
/// which has a margin of zeros on both sides, then along it.
void smooth_row(const float* map, std::int64_t height, std::int64_t width, std::int64_t y,
                const std::vector<float>& window, std::vector<float>& column, float* result) {
  const auto radius = static_cast<std::int64_t>(window.size()) / 2;
  float* sums = column.data() + radius;
  std::fill_n(sums, width, 0.0f);
  for (std::int64_t row = std::max<std::int64_t>(0, y - radius); row <= std::min(height - 1, y + radius);
       ++row) {
    const float weight = window[static_cast<std::size_t>(row - y + radius)];
    const float* pixels = map + row * width;
    for (std::int64_t x = 0; x < width; ++x) sums[x] += weight * pixels[x];
  }
  std::fill_n(result, width, 0.0f);
  for (std::size_t i = 0; i < window.size(); ++i) {
    const float weight = window[i];
    const float* shifted = column.data() + i;
    for (std::int64_t x = 0; x < width; ++x) result[x] += weight * shifted[x];
  }
}

/// Both dimensions at once, row by row: on a CPU the whole-map additions cost more in memory traffic than in
/// sums.
at::Tensor smooth_on_cpu(const at::Tensor& maps, const std::vector<float>& window) {
  const std::int64_t height = maps.size(1);
  const std::int64_t width = maps.size(2);
  at::Tensor result = at::empty_like(maps, at::MemoryFormat::Contiguous);
  const float* input = maps.const_data_ptr<float>();
  float* output = result.mutable_data_ptr<float>();
  constexpr std::int64_t kRowsAtOnce = 32;
  at::parallel_for(0, maps.size(0) * height, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> column(static_cast<std::size_t>(width) + window.size() - 1, 0.0f);
    for (std::int64_t row = begin; row < end; ++row)
      smooth_row(input + row / height * height * width, height, width, row % height, window, column,
                 output + row * width);
  });
  return result;
}

}  // namespace

at::Tensor upsample(const at::Tensor& scores, std::int64_t height, std::int64_t width) {
  return at::upsample_bilinear2d(scores.unsqueeze(1), {height, width}, /*align_corners=*/false).squeeze(1);
}

std::vector<float> gaussian_window(std::int64_t size, double sigma) {
  if (size < 1 || size % 2 == 0)
    throw settings_error("scoring.smoothing_size is " + std::to_string(size) + "; it must be odd");
  if (!(std::isfinite(sigma) && sigma > 0))
    throw settings_error("scoring.smoothing_sigma is " + std::to_string(sigma) +
                         "; it must be a number above 0");
  std::vector<double> weights;
  double total = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto distance = static_cast<double>(i - size / 2);
    weights.push_back(std::exp(-distance * distance / (2 * sigma * sigma)));
    total += weights.back();
  }
  std::vector<float> window;
  for (const double weight : weights) window.push_back(static_cast<float>(weight / total));
  return window;
}

at::Tensor gaussian_smooth(const at::Tensor& maps, std::int64_t size, double sigma) {
  const std::vector<float> window = gaussian_window(size, sigma);
  if (maps.is_cpu() && maps.scalar_type() == at::kFloat) return smooth_on_cpu(maps.contiguous(), window);
  return smooth_along(smooth_along(maps, 1, window), 2, window);
}

}  // namespace res2clip
