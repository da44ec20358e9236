#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>

#include "res2clip/core/grid.hpp"
#include "res2clip/train/options.hpp"

namespace res2clip {

/// Which pixels (or images) are anomalous, and by what the sums over the normal and the anomalous ones are
/// divided.
struct Labels {
  at::Tensor anomalous;      ///< [B, H, W] or [B], float32, 0 or 1
  at::Tensor normal_count;   ///< scalar, or [B] where each image is counted by itself
  at::Tensor anomaly_count;  ///< the same
};

/// How many normal and anomalous pixels (or images) a batch has, and how many images. The whole batch, also
/// where a process sees only some of its images.
struct Counts {
  double normal = 0.0;
  double anomalous = 0.0;
  double images = 0.0;
};
Counts label_counts(const at::Tensor& anomalous);

/// Labels with the counts of the whole batch (or of each image). No count is less than 1e-6, so that an
/// absent kind contributes zero. The losses below are sums over images divided by these counts: where a batch
/// is spread over several processes, their losses add up to the batch's.
Labels label(const at::Tensor& anomalous, CountOver over, const Counts& whole);

/// Values per patch [B, N] as pixels [B, height, width].
at::Tensor patches_to_pixels(const at::Tensor& values, const Grid& grid, std::int64_t height,
                             std::int64_t width, ScoreUpsampling upsampling);

/// Bilinear upsampling of maps [B, rows, cols] to [B, height, width] by a product for each dimension. The
/// gradient is summed in the same order in every run, which on CUDA LibTorch's own upsampling does not do;
/// patches_to_pixels takes this form there.
at::Tensor upsampled_by_products(const at::Tensor& maps, std::int64_t height, std::int64_t width);

/// Sums of `if_normal` over the normal and of `if_anomalous` over the anomalous elements, each divided by its
/// count.
at::Tensor normal_part(const Labels& labels, const at::Tensor& if_normal);
at::Tensor anomalous_part(const Labels& labels, const at::Tensor& if_anomalous);

/// Eqs. 35 and 36: normal similarities (of images [B], or of pixels [B, H, W]) are pushed below 0, anomalous
/// ones above `margin` (1 in the paper).
at::Tensor text_hinge(const Labels& labels, const at::Tensor& similarity, double margin);

/// Eqs. 37 and 38: normal projections are pushed below 0, anomalous ones above `tau` times the magnitude of
/// the raw residual (both [B], or [B, H, W]).
at::Tensor residual_hinge(const Labels& labels, const at::Tensor& projection, const at::Tensor& raw_magnitude,
                          double tau);

/// One layer of Eq. 14, of magnitudes [B, H, W]: normal ones are pushed to 0, ...
at::Tensor visual_normal(const Labels& labels, const at::Tensor& magnitude);
/// ... anomalous ones towards those of the raw residuals.
at::Tensor visual_anomalous(const Labels& labels, const at::Tensor& magnitude,
                            const at::Tensor& raw_magnitude);

/// Eq. 40 and the last term of Eq. 13: 1 - cos of two text residuals [D].
at::Tensor direction_regulariser(const at::Tensor& adapted, const at::Tensor& raw);

/// One term of Eq. 41: mean absolute difference of the magnitudes of residuals [..., D]. Both magnitudes are
/// computed by the same operation on equally laid out tensors, so that an adapter that is the identity has
/// value and gradient zero: a difference by rounding alone would have a full gradient.
at::Tensor magnitude_regulariser(const at::Tensor& adapted, const at::Tensor& raw);

/// L2 norms over the last dimension; the gradient at a zero vector is zero.
at::Tensor magnitude(const at::Tensor& residual);

}  // namespace res2clip
