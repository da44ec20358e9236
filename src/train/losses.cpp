#include "res2clip/train/losses.hpp"

#include <algorithm>

#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_nearest2d.h>

namespace res2clip {
namespace {

constexpr double kSmallestCount = 1e-6;

at::Tensor divided_sum(const at::Tensor& values, const at::Tensor& count) {
  if (count.dim() == 0) return values.sum().div(count);
  return values.flatten(1).sum(1).div(count).sum();
}

}  // namespace

Counts label_counts(const at::Tensor& anomalous) {
  const auto total = static_cast<double>(anomalous.numel());
  const double ones = anomalous.sum(at::kDouble).item<double>();
  return {total - ones, ones, static_cast<double>(anomalous.size(0))};
}

Labels label(const at::Tensor& anomalous, CountOver over, const Counts& whole) {
  const auto scalar = [&](double value) { return anomalous.new_full({}, std::max(value, kSmallestCount)); };
  if (over == CountOver::batch) return {anomalous, scalar(whole.normal), scalar(whole.anomalous)};
  // An image's own label is a count of one.
  if (anomalous.dim() == 1) return {anomalous, scalar(whole.images), scalar(whole.images)};
  const auto of_each = [&](const at::Tensor& kind) {
    return kind.flatten(1).sum(1).clamp_min(kSmallestCount).mul(whole.images);
  };
  return {anomalous, of_each(at::rsub(anomalous, 1)), of_each(anomalous)};
}

at::Tensor patches_to_pixels(const at::Tensor& values, const Grid& grid, std::int64_t height,
                             std::int64_t width, ScoreUpsampling upsampling) {
  const at::Tensor map = values.reshape({-1, 1, grid.rows, grid.cols});
  if (upsampling == ScoreUpsampling::nearest) return at::upsample_nearest2d(map, {height, width}).squeeze(1);
  if (!map.is_cpu()) return upsampled_by_products(map.squeeze(1), height, width);
  return at::upsample_bilinear2d(map, {height, width}, /*align_corners=*/false).squeeze(1);
}

at::Tensor upsampled_by_products(const at::Tensor& maps, std::int64_t height, std::int64_t width) {
  // The weights of one dimension [length, count]: what it makes of the unit vectors.
  const auto weights = [&](std::int64_t count, std::int64_t length) {
    const at::Tensor units = at::eye(count, maps.options()).view({1, count, count, 1});
    return at::upsample_bilinear2d(units, {length, 1}, /*align_corners=*/false).view({count, length}).t();
  };
  const at::Tensor rows = weights(maps.size(1), height), cols = weights(maps.size(2), width);
  return at::matmul(at::matmul(rows, maps), cols.t());
}

at::Tensor normal_part(const Labels& labels, const at::Tensor& if_normal) {
  return divided_sum(at::rsub(labels.anomalous, 1).mul(if_normal), labels.normal_count);
}

at::Tensor anomalous_part(const Labels& labels, const at::Tensor& if_anomalous) {
  return divided_sum(labels.anomalous.mul(if_anomalous), labels.anomaly_count);
}

at::Tensor text_hinge(const Labels& labels, const at::Tensor& similarity, double margin) {
  return normal_part(labels, at::relu(similarity))
      .add(anomalous_part(labels, at::relu(at::rsub(similarity, margin))));
}

at::Tensor residual_hinge(const Labels& labels, const at::Tensor& projection, const at::Tensor& raw_magnitude,
                          double tau) {
  const at::Tensor shortfall = raw_magnitude.mul(tau).sub(projection);
  return normal_part(labels, at::relu(projection)).add(anomalous_part(labels, at::relu(shortfall)));
}

at::Tensor visual_normal(const Labels& labels, const at::Tensor& magnitude_pixels) {
  return normal_part(labels, magnitude_pixels);
}

at::Tensor visual_anomalous(const Labels& labels, const at::Tensor& magnitude_pixels,
                            const at::Tensor& raw_magnitude) {
  return anomalous_part(labels, magnitude_pixels.sub(raw_magnitude).abs());
}

at::Tensor direction_regulariser(const at::Tensor& adapted, const at::Tensor& raw) {
  return at::rsub(at::cosine_similarity(adapted, raw, -1), 1).mean();
}

at::Tensor magnitude_regulariser(const at::Tensor& adapted, const at::Tensor& raw) {
  return magnitude(adapted.contiguous()).sub(magnitude(raw.contiguous())).abs().mean();
}

at::Tensor magnitude(const at::Tensor& residual) {
  return residual.norm(2, {-1});
}

}  // namespace res2clip
