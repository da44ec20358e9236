#include "infer_output.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/image/write.hpp"

#include "messages.hpp"
#include "output.hpp"

namespace res2clip::app {
namespace {

std::string caption(const std::string& name, const Finding& finding) {
  std::array<char, 64> score{};
  std::snprintf(score.data(), score.size(), "   score %.3f", finding.score);
  return name + score.data() +
         (finding.judgement ? std::string("   ") + name_of(finding.judgement->verdict) : "");
}

HeatScale scale_of(const at::Tensor& map, const InferOutputOptions& options) {
  if (options.range.size() == 2) return {options.range[0], options.range[1]};
  return heat_scale(map, options.measure, options.overlay);
}

}  // namespace

void require_sensible(const InferOutputOptions& options) {
  if (options.threshold && !std::isfinite(*options.threshold))
    throw settings_error("--threshold takes a number");
  const auto& range = options.range;
  if (range.size() == 2 && !(std::isfinite(range[0]) && std::isfinite(range[1]) && range[0] < range[1]))
    throw settings_error("--range takes LOW HIGH with LOW below HIGH");
}

void InferOutput::draw(const SourceImage& image, const at::Tensor& map, Finding& finding) const {
  const OverlayOptions& how = options_.overlay;
  const bool outlined = stands_out(finding.judgement, finding.region, how.calm);
  const HeatScale scale = scale_of(map, options_);
  finding.overlay = files_.overlay(image.name);
  finding.map = files_.map(image.name);
  write_png(finding.overlay,
            heat_overlay(image.pixels, {map, scale, outlined ? finding.region.mask : at::Tensor()},
                         caption(image.name, finding), how));
  write_float_map(finding.map, map);
}

void InferOutput::print_line(const Finding& finding) {
  if (options_.json) return print(json_text(to_json(finding)));
  if (!heading_printed_) print(finding_heading());
  heading_printed_ = true;
  print(finding_line(finding));
}

Finding InferOutput::write(const SourceImage& image, const FetchedScores& scores, std::int64_t row) const {
  const at::Tensor map = scores.map[row].contiguous();
  Finding finding = finding_of(image.path, scores, row, options_.measure);
  finding.region = hottest_region(map, image.height, image.width, options_.overlay.outline_fraction);
  if (files_.wanted()) draw(image, map, finding);
  return finding;
}

void InferOutput::write_failure(const Path& image, const std::string& message) const {
  note("res2clip: " + message);
  if (options_.json) print(json_text(nlohmann::ordered_json{{"path", image.string()}, {"error", message}}));
}

}  // namespace res2clip::app
