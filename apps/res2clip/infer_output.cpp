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

void write_overlay(const Path& path, const at::Tensor& pixels, OverlayFormat format) {
  constexpr int kJpegQuality = 88;  // letters of captions stay clean
  if (format == OverlayFormat::jpeg) return write_jpeg(path, pixels, kJpegQuality);
  write_png(path, pixels, format == OverlayFormat::small_png ? PngEffort::small : PngEffort::quick);
}

}  // namespace

const char* suffix_of(OverlayFormat format) {
  return format == OverlayFormat::jpeg ? ".jpg" : ".png";
}

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
  const HeatLayer heat{drawn_map(map, options_.measure, scale), scale,
                       outlined ? finding.region.mask : at::Tensor()};
  if (targets_.report != nullptr) targets_.report->add(finding, image.pixels, heat, how);
  if (!targets_.files->wanted()) return;
  finding.overlay = targets_.files->overlay(image.name);
  finding.map = targets_.files->map(image.name);
  write_overlay(finding.overlay, heat_overlay(image.pixels, heat, caption(image.name, finding), how),
                options_.format);
  write_float_map(finding.map, map);
}

void InferOutput::print_heading(const std::string& heading) {
  if (!heading_printed_) print(heading);
  heading_printed_ = true;
}

void InferOutput::print_line(const Finding& finding, const FileState& state) {
  if (targets_.results != nullptr) targets_.results->add(finding.image, state, to_json(finding));
  switch (options_.lines) {
    case LineFormat::json:
      return print(json_text(to_json(finding)));
    case LineFormat::csv:
      print_heading(csv_heading());
      return print(csv_line(finding));
    case LineFormat::table:
      print_heading(finding_heading());
      print_text(finding_line(finding));
  }
}

/// The table has no place for them.
bool InferOutput::regions_are_told() const {
  return options_.lines != LineFormat::table || targets_.results != nullptr;
}

Finding InferOutput::write(const SourceImage& image, const FetchedScores& scores, std::int64_t row) const {
  const at::Tensor map = scores.map[row].contiguous();
  Finding finding = finding_of(image.path, scores, row, options_.measure);
  finding.time = std::chrono::system_clock::now();
  finding.seconds = image.seconds;
  finding.region = hottest_region(map, image.height, image.width, options_.overlay.outline_fraction,
                                  options_.measure.inside);
  const auto& calibration = options_.measure.calibration;
  finding.regions_from = calibration ? calibration->map_threshold : finding.region.threshold;
  if (regions_are_told())
    finding.regions =
        regions_reaching(map, image.height, image.width, finding.regions_from, options_.measure.inside);
  if (targets_.pixels_wanted()) draw(image, map, finding);
  return finding;
}

void InferOutput::write_failure(const Path& image, const std::optional<FileState>& state,
                                const std::string& message) {
  complain(message);
  if (targets_.report != nullptr) targets_.report->add_failure(image, message);
  const nlohmann::ordered_json record{{"path", image.string()}, {"error", message}};
  if (targets_.results != nullptr && state) targets_.results->add(image, *state, record);
  if (options_.lines == LineFormat::json) print(json_text(record));
  if (options_.lines == LineFormat::csv) {
    print_heading(csv_heading());
    print(csv_failure(image, message));
  }
}

}  // namespace res2clip::app
