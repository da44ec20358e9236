#include "res2clip/metrics/accumulator.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "res2clip/core/error.hpp"
#include "res2clip/metrics/regions.hpp"

#include "curves.hpp"
#include "radix_sort.hpp"
#include "score_key.hpp"
#include "strips.hpp"

namespace res2clip {
namespace {

std::string shape_of(const at::Tensor& tensor) {
  std::string text = "[";
  for (const auto size : tensor.sizes()) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

/// Writes the keys of a stretch of pixels; whether all of them are finite.
bool write_keys(std::uint32_t* keys, std::span<const float> scores) {
  bool finite = true;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    finite &= is_finite(scores[i]);
    keys[i] = key_of(scores[i]);
  }
  return finite;
}

struct ImageFigures {
  Figure auroc;
  Figure ap;
  Figure f1;
};

ImageFigures image_figures(std::vector<double> normal, std::vector<double> anomalous, MetricMode mode) {
  if (anomalous.empty()) {
    const auto none = Figure::none("no anomalous image");
    return {none, none, none};
  }
  std::sort(normal.begin(), normal.end());
  std::sort(anomalous.begin(), anomalous.end());
  RocArea roc;
  AveragePrecision precision;
  BestF1 f1(static_cast<std::int64_t>(anomalous.size()));
  walk_thresholds(
      std::span<const double>(normal), std::span<const double>(anomalous), [](double score) { return score; },
      [](double) { return 0.0; },
      [&](const CurvePoint& point) {
        roc.add(point);
        precision.add(point);
        f1.add(point);
      });
  const auto normals = static_cast<std::int64_t>(normal.size());
  const auto anomalies = static_cast<std::int64_t>(anomalous.size());
  ImageFigures figures;
  figures.f1 = Figure::of(f1.value());
  figures.ap = Figure::of(precision.value(anomalies));
  figures.auroc = normals > 0 ? Figure::of(roc.value(normals, anomalies)) : Figure::none("no normal image");
  const bool constant =
      normals > 0 && std::min(normal.front(), anomalous.front()) == std::max(normal.back(), anomalous.back());
  if (mode == MetricMode::released && constant) {
    figures.auroc = Figure::none("all images have the same score, which the released evaluator refuses");
    figures.ap = figures.auroc;
  }
  return figures;
}

struct PixelFigures {
  Figure auroc;
  Figure ap;
  Figure f1;
  Figure aupro;
};

/// Exact curves over all pixels; anomalous must not be empty.
PixelFigures exact_pixel_figures(std::span<const std::uint32_t> normal,
                                 std::span<const std::uint64_t> anomalous, std::int64_t regions,
                                 double pro_limit) {
  const auto normals = static_cast<std::int64_t>(normal.size());
  const auto anomalies = static_cast<std::int64_t>(anomalous.size());
  RocArea roc;
  AveragePrecision precision;
  BestF1 f1(anomalies);
  RegionOverlap overlap(normals, regions, pro_limit);
  walk_thresholds(
      normal, anomalous, [](std::uint64_t key) { return score_key(key); },
      [](std::uint64_t key) { return 1.0 / static_cast<double>(region_area(key)); },
      [&](const CurvePoint& point) {
        roc.add(point);
        precision.add(point);
        f1.add(point);
        if (normals > 0) overlap.add(point);
      });
  PixelFigures figures;
  figures.ap = Figure::of(precision.value(anomalies));
  figures.f1 = Figure::of(f1.value());
  figures.auroc = normals > 0 ? Figure::of(roc.value(normals, anomalies)) : Figure::none("no normal pixel");
  figures.aupro = normals > 0 ? Figure::of(overlap.value()) : Figure::none("no normal pixel");
  return figures;
}

}  // namespace

void ClassAccumulator::add(const at::Tensor& map, const at::Tensor& mask, double score, bool anomalous) {
  if (map.dim() != 2 || map.scalar_type() != at::kFloat)
    throw data_error("an anomaly map must be float32 [H, W], not " + shape_of(map));
  if (mask.defined() &&
      (mask.sizes() != map.sizes() || (mask.scalar_type() != at::kByte && mask.scalar_type() != at::kBool)))
    throw data_error("a mask must be uint8 or bool and of its map's size " + shape_of(map) + ", not " +
                     shape_of(mask));

  finite_scores_ &= std::isfinite(score);
  (anomalous ? anomalous_scores_ : normal_scores_).push_back(score);

  const at::Tensor pixels = map.detach().cpu().contiguous();
  const std::span<const float> scores(pixels.const_data_ptr<float>(),
                                      static_cast<std::size_t>(pixels.numel()));
  Regions regions;
  if (mask.defined()) {
    const at::Tensor marks = mask.detach().cpu().contiguous();
    regions = connected_regions({static_cast<const std::uint8_t*>(marks.const_data_ptr()), scores.size()},
                                map.size(0), map.size(1));
  }
  std::size_t anomalous_pixels = 0;
  for (const auto area : regions.areas) anomalous_pixels += static_cast<std::size_t>(area);
  std::vector<std::uint32_t> keys(scores.size() - anomalous_pixels);
  std::uint32_t* next = keys.data();
  std::size_t position = 0;
  const auto add_normal = [&](std::size_t end) {
    finite_pixels_ &= write_keys(next, scores.subspan(position, end - position));
    next += end - position;
    position = end;
  };
  for (const auto& run : regions.runs) {
    add_normal(static_cast<std::size_t>(run.begin));
    const auto area = static_cast<std::uint32_t>(regions.areas[run.region]);
    for (; position < static_cast<std::size_t>(run.end); ++position) {
      finite_pixels_ &= is_finite(scores[position]);
      anomalous_.push_back(anomalous_key(key_of(scores[position]), area));
    }
  }
  add_normal(scores.size());
  added_.push_back(std::move(keys));
  regions_ += static_cast<std::int64_t>(regions.areas.size());
  sorted_ = false;
}

std::int64_t ClassAccumulator::images() const {
  return static_cast<std::int64_t>(normal_scores_.size() + anomalous_scores_.size());
}

void ClassAccumulator::sort_pixels() {
  if (sorted_) return;
  std::size_t total = normal_.size();
  for (const auto& keys : added_) total += keys.size();
  normal_.reserve(total);
  for (auto& keys : added_) {
    normal_.insert(normal_.end(), keys.begin(), keys.end());
    std::vector<std::uint32_t>().swap(keys);
  }
  added_.clear();
  const auto sort = [](auto& keys) {
    if (keys.empty()) return;
    const auto [lowest, highest] = std::minmax_element(keys.begin(), keys.end());
    radix_sort(keys, *lowest, *highest);
  };
  sort(normal_);
  sort(anomalous_);
  sorted_ = true;
}

ClassMetrics ClassAccumulator::finish(const MetricOptions& options) {
  if (!(options.pro_limit > 0.0 && options.pro_limit <= 1.0))
    throw settings_error("metrics.pro_limit is " + std::to_string(options.pro_limit) +
                         "; it must be above 0 and at most 1");
  ClassMetrics metrics;
  metrics.images = images();
  metrics.anomalous_images = static_cast<std::int64_t>(anomalous_scores_.size());

  if (finite_scores_) {
    const auto image = image_figures(normal_scores_, anomalous_scores_, options.mode);
    metrics[Metric::image_auroc] = image.auroc;
    metrics[Metric::image_ap] = image.ap;
    metrics[Metric::image_f1] = image.f1;
  } else {
    for (const auto metric : {Metric::image_auroc, Metric::image_ap, Metric::image_f1})
      metrics[metric] = Figure::none("an image score is not finite");
  }

  PixelFigures pixel;
  if (finite_pixels_ && !anomalous_.empty()) {
    sort_pixels();
    pixel = exact_pixel_figures(normal_, anomalous_, regions_, options.pro_limit);
    if (options.mode == MetricMode::released) {
      const auto strips = strip_figures(normal_, anomalous_, options.pro_limit);
      pixel.auroc = strips.auroc;
      pixel.ap = strips.ap;
      pixel.aupro = strips.aupro;
    }
  } else {
    const auto none = Figure::none(anomalous_.empty() ? "no anomalous pixel in any mask"
                                                      : "a pixel of an anomaly map is not finite");
    pixel = {none, none, none, none};
  }
  metrics[Metric::pixel_auroc] = pixel.auroc;
  metrics[Metric::pixel_ap] = pixel.ap;
  metrics[Metric::pixel_f1] = pixel.f1;
  metrics[Metric::aupro] = pixel.aupro;
  return metrics;
}

}  // namespace res2clip
