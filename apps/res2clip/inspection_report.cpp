#include "inspection_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "res2clip/core/files.hpp"
#include "res2clip/core/html.hpp"
#include "res2clip/core/version.hpp"
#include "res2clip/image/resize.hpp"
#include "res2clip/image/write.hpp"

#include "text_of.hpp"

namespace res2clip::app {
namespace {

constexpr std::array<const char*, 4> kNames{"good", "anomalous", "unknown", "without verdict"};
constexpr std::array<const char*, 4> kColours{"#2f9e6e", "#d9480f", "#7c6bd6", "#6b7280"};

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>
body{font:15px/1.45 system-ui,sans-serif;color:#18181b;background:#fafafa;max-width:1200px;margin:2em auto;padding:0 1em}
h1{font-size:1.4em;overflow-wrap:anywhere}h2{font-size:1.1em;margin-top:2em}
.counts{display:flex;gap:1em;flex-wrap:wrap}.counts div{background:#fff;border:1px solid #e4e4e7;border-left:6px solid;padding:.5em 1em}
.counts b{display:block;font-size:1.6em}svg{background:#fff;border:1px solid #e4e4e7;max-width:100%;height:auto}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:1em}
figure{margin:0;background:#fff;border:1px solid #e4e4e7;border-top:6px solid}figure img{width:100%;display:block}
figcaption{padding:.5em;overflow-wrap:anywhere;font-size:.9em}figcaption b{font-size:1.15em}small{color:#52525b}
</style>
)";

/// A small overlay as a JPEG file.
std::string thumbnail(const at::Tensor& pixels, const HeatLayer& heat, OverlayOptions how) {
  constexpr double kLongest = 320;
  constexpr int kQuality = 80;
  const auto height = static_cast<double>(pixels.size(0)), width = static_cast<double>(pixels.size(1));
  const double scale = std::min(1.0, kLongest / std::max(height, width));
  const auto side = [&](double length) { return std::max<std::int64_t>(1, std::llround(length * scale)); };
  how.side_by_side = false;
  how.smallest_edge = 1;
  const at::Tensor small = resize_bilinear(pixels, side(height), side(width));
  const at::Tensor drawn = heat_overlay(small, heat, "", how).contiguous();
  return encode_jpeg({drawn.data_ptr<std::uint8_t>(), drawn.size(1), drawn.size(0), 3}, kQuality);
}

/// Where values lie on the histogram's axis.
struct Axis {
  double low, high;
  static constexpr double kLeft = 50, kWidth = 820;
  double at(double value) const { return kLeft + kWidth * (value - low) / (high - low); }
};

Axis axis_of(const std::vector<std::pair<double, int>>& scores, const std::vector<double>& thresholds) {
  double low = scores.front().first, high = low;
  for (const auto& [score, kind] : scores) low = std::min(low, score), high = std::max(high, score);
  for (const double threshold : thresholds) low = std::min(low, threshold), high = std::max(high, threshold);
  const double margin = std::max(0.03 * (high - low), 0.01);
  return {low - margin, high + margin};
}

/// Steps of 1, 2 or 5 times a power of ten that part a range into about `wanted` pieces.
double nice_step(double range, std::size_t wanted) {
  const double rough = range / static_cast<double>(wanted),
               power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

std::string ticks_of(const Axis& axis, double bottom) {
  std::string svg;
  const double step = nice_step(axis.high - axis.low, 8);
  for (double tick = std::ceil(axis.low / step) * step; tick <= axis.high; tick += step)
    svg += text_of("<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%g</text>\n", axis.at(tick),
                   bottom + 18, std::abs(tick) < step / 2 ? 0.0 : tick);
  return svg;
}

}  // namespace

void InspectionReport::add(const Finding& finding, const at::Tensor& pixels, const HeatLayer& heat,
                           const OverlayOptions& how) {
  const auto& judged = finding.judgement;
  Shown shown{finding.image.string(), judged ? judged->reason : "", thumbnail(pixels, heat, how),
              finding.score, judged ? static_cast<int>(judged->verdict) : 3};
  const std::lock_guard lock(mutex_);
  if (finding.threshold) thresholds_ = {*finding.threshold};
  scores_.emplace_back(shown.score, shown.kind);
  shown_.push_back(std::move(shown));
  if (shown_.size() >= 2 * kMostImages) keep_highest();
}

void InspectionReport::add_failure(const Path& image, const std::string& message) {
  const std::lock_guard lock(mutex_);
  failures_.emplace_back(image.string(), message);
}

void InspectionReport::keep_highest() {
  std::sort(shown_.begin(), shown_.end(), [](const Shown& a, const Shown& b) {
    return std::pair(-a.score, a.name) < std::pair(-b.score, b.name);
  });
  if (shown_.size() > kMostImages) shown_.resize(kMostImages);
}

std::string InspectionReport::summary() const {
  std::array<std::int64_t, kKinds> counts{};
  for (const auto& [score, kind] : scores_) ++counts[static_cast<std::size_t>(kind)];
  std::string html = "<div class=\"counts\">\n";
  for (std::size_t kind = 0; kind < kKinds; ++kind)
    if (counts[kind] > 0)
      html += text_of("<div style=\"border-left-color:%s\"><b>%lld</b>%s</div>\n", kColours[kind],
                      static_cast<long long>(counts[kind]), kNames[kind]);
  if (!failures_.empty()) html += "<div><b>" + std::to_string(failures_.size()) + "</b>not readable</div>\n";
  return html + "</div>\n";
}

std::string InspectionReport::histogram() const {
  if (scores_.empty()) return "<p>No image was inspected.</p>\n";
  constexpr std::size_t kBins = 40;
  constexpr double kTop = 30, kBottom = 210;
  const Axis axis = axis_of(scores_, thresholds_);
  std::array<std::array<int, kKinds>, kBins> bins{};
  int highest = 1;
  for (const auto& [score, kind] : scores_) {
    const auto bin = static_cast<std::size_t>((score - axis.low) / (axis.high - axis.low) * kBins);
    auto& counts = bins[std::min(bin, kBins - 1)];
    ++counts[static_cast<std::size_t>(kind)];
    highest = std::max(highest, counts[0] + counts[1] + counts[2] + counts[3]);
  }
  std::string svg =
      "<svg viewBox=\"0 0 900 245\" width=\"900\" font-size=\"13\" role=\"img\" aria-label=\"histogram of "
      "scores\">\n";
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    double y = kBottom;
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const double height = (kBottom - kTop) * bins[bin][kind] / highest;
      y -= height;
      if (bins[bin][kind] > 0)
        svg += text_of("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
                       Axis::kLeft + Axis::kWidth * static_cast<double>(bin) / kBins, y,
                       Axis::kWidth / kBins - 1, height, kColours[kind]);
    }
  }
  svg +=
      text_of("<line x1=\"50\" x2=\"870\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#18181b\"/>\n", kBottom, kBottom);
  svg += text_of("<text x=\"44\" y=\"%.0f\" text-anchor=\"end\">%d</text>\n", kTop + 5, highest);
  svg += ticks_of(axis, kBottom);
  for (const double threshold : thresholds_) {
    svg += text_of(
        "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"22\" y2=\"%.0f\" stroke=\"#18181b\" stroke-dasharray=\"5 4\"/>\n",
        axis.at(threshold), axis.at(threshold), kBottom);
    svg += text_of("<text x=\"%.1f\" y=\"16\" text-anchor=\"middle\">threshold %.4f</text>\n",
                   std::clamp(axis.at(threshold), 100.0, 800.0), threshold);
  }
  return svg + "</svg>\n";
}

std::string InspectionReport::gallery() const {
  std::string html = "<div class=\"gallery\">\n";
  for (const Shown& one : shown_) {
    const auto kind = static_cast<std::size_t>(one.kind);
    html += text_of("<figure style=\"border-top-color:%s\">", kColours[kind]);
    html += "<img loading=\"lazy\" alt=\"" + html_text(one.name) + "\" src=\"" +
            data_address("image/jpeg", one.jpeg) + "\">";
    html += text_of("<figcaption><b>%.4f</b> %s<br>", one.score, kNames[kind]) + html_text(one.name);
    if (!one.reason.empty()) html += "<br><small>" + html_text(one.reason) + "</small>";
    html += "</figcaption></figure>\n";
  }
  return html + "</div>\n";
}

void InspectionReport::write(const std::string& title) {
  keep_highest();
  std::string html =
      kHead + ("<title>" + html_text(title) + "</title></head><body>\n<h1>" + html_text(title) + "</h1>\n");
  html += summary() + "<h2>Scores</h2>\n" + histogram() + "<h2>Images, the highest score first</h2>\n";
  if (shown_.size() < scores_.size())
    html += "<p>The " + std::to_string(shown_.size()) + " with the highest scores of " +
            std::to_string(scores_.size()) + ".</p>\n";
  html += gallery();
  if (!failures_.empty()) html += "<h2>Not readable</h2>\n<ul>\n";
  for (const auto& [image, message] : failures_)
    html += "<li>" + html_text(image) + ": " + html_text(message) + "</li>\n";
  if (!failures_.empty()) html += "</ul>\n";
  write_file(file_, html + "<p><small>res2clip " + html_text(version()) + "</small></p>\n</body></html>\n");
}

}  // namespace res2clip::app
