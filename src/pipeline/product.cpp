#include "res2clip/pipeline/product.hpp"

#include <utility>

#include "res2clip/compute/foreign_errors.hpp"

#include "each.hpp"

namespace res2clip {
Product::Product(Pipeline pipeline, ReferenceBank bank, std::optional<double> threshold)
    : pipeline_(std::move(pipeline)), bank_(std::move(bank)), overlay_(pipeline_.settings().overlay) {
  pipeline_.require_fitting(bank_);
  if (bank_.calibration) changed_ = pipeline_.changed_since(*bank_.calibration);
  if (!changed_.empty()) bank_.calibration.reset();
  measure_ = measure_of(bank_, threshold);
  if (overlay_.calm == 0) overlay_.calm = calm_of(pipeline_.detector(), bank_);
}

Finding Product::found(const FetchedScores& scores, std::int64_t row, std::int64_t height,
                       std::int64_t width) const {
  Finding finding;
  static_cast<ImageScores&>(finding) = scores.of(row);
  finding.map = scores.map[row].clone();
  finding.judgement = judgement_of(scores, row, measure_);
  finding.region = hottest_region(finding.map, height, width, overlay_.outline_fraction, measure_.inside);
  finding.stands_out = res2clip::stands_out(finding.judgement, finding.region, overlay_.calm);
  return finding;
}

Finding Product::found(const at::Tensor& prepared, const std::string& name, std::int64_t height,
                       std::int64_t width) const {
  return as_ours("inspecting an image", [&] {
    const Features features = pipeline_.encode(prepared);
    const Detection detection = pipeline_.detector().detect_inputs(features, bank_);
    const at::Tensor shares =
        bank_.calibration ? familiarity(features, bank_, bank_.calibration->familiarity) : at::Tensor();
    FetchedScores scores(detection, shares);
    scores.wait();
    if (!scores.finite(0)) throw FetchedScores::not_finite(name);
    return found(scores, 0, height, width);
  });
}

Finding Product::inspect(const ImageView& image) const {
  return found(pipeline_.prepare(std::span(&image, 1), bank_.tiling), "an image in memory", image.height,
               image.width);
}

Finding Product::inspect(const Path& image) const {
  Finding finding;
  std::optional<Error> failure;
  inspect_each(std::span(&image, 1), [&](const InspectedFile& file) {
    finding = file.finding;
    failure = file.failure;
  });
  if (failure) throw *failure;
  return finding;
}

std::size_t Product::inspect_each(std::span<const Path> images,
                                  const std::function<void(const InspectedFile&)>& take,
                                  const EachOptions& options) const {
  const std::function<InspectedFile(InspectedImage)> found_in = [&](const InspectedImage& image) {
    return InspectedFile{image.index, std::nullopt,
                         found(*image.scores, image.row, image.file.height, image.file.width),
                         image.file.pixels};
  };
  return take_each<InspectedFile>(pipeline_, images, bank_, found_in, take, options);
}

at::Tensor Product::overlay(const at::Tensor& pixels, const Finding& finding,
                            const std::string& caption) const {
  return as_ours("drawing an overlay", [&] {
    const HeatScale scale = heat_scale(finding.map, measure_, overlay_);
    return heat_overlay(pixels,
                        {drawn_map(finding.map, measure_, scale), scale,
                         finding.stands_out ? finding.region.mask : at::Tensor()},
                        caption, overlay_);
  });
}

at::Tensor Product::overlay(const ImageView& image, const Finding& finding,
                            const std::string& caption) const {
  return overlay(decoded(image, pipeline_.settings().image.reading).rgb, finding, caption);
}

}  // namespace res2clip
