#include "svg.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "res2clip/core/html.hpp"

#include "text.hpp"

namespace res2clip {
namespace {

// All drawings have one frame, in SVG's units.
constexpr double kWidth = 260, kHeight = 200, kLeft = 38, kRight = 8, kTop = 8, kBottom = 34;
constexpr double kInnerWidth = kWidth - kLeft - kRight, kInnerHeight = kHeight - kTop - kBottom;

std::string number(double value) {
  return fixed(value, 1);
}

double across(double share) {
  return kLeft + share * kInnerWidth;
}

double upwards(double share) {
  return kTop + (1 - share) * kInnerHeight;
}

std::string line(double x1, double y1, double x2, double y2, const std::string& kind) {
  return "<line class=\"" + kind + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" +
         number(x2) + "\" y2=\"" + number(y2) + "\"/>";
}

std::string label(double x, double y, const std::string& anchor, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
         html_text(text) + "</text>";
}

std::string begin(const std::string& title) {
  return "<svg role=\"img\" viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) + "\"><title>" +
         html_text(title) + "</title>" + line(kLeft, upwards(0), across(1), upwards(0), "axis") +
         line(kLeft, kTop, kLeft, upwards(0), "axis");
}

std::string axis_names(const std::string& x, const std::string& y) {
  return label(across(0.5), kHeight - 4, "middle", x) + "<text transform=\"rotate(-90)\" x=\"" +
         number(-upwards(0.5)) + "\" y=\"11.0\" text-anchor=\"middle\">" + html_text(y) + "</text>";
}

constexpr int kBins = 24;
using Bins = std::array<int, kBins>;

struct Scale {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  double place(double score) const { return high > low ? (score - low) / (high - low) : 0.5; }
};

Scale scale_of(std::span<const ScoredImage> images) {
  Scale scale;
  for (const ScoredImage& image : images) {
    scale.low = std::min(scale.low, image.score);
    scale.high = std::max(scale.high, image.score);
  }
  return scale;
}

Bins bins_of(std::span<const ScoredImage> images, const Scale& scale, bool anomalous) {
  Bins bins{};
  for (const ScoredImage& image : images)
    if (image.anomalous == anomalous)
      ++bins[static_cast<std::size_t>(
          std::min<int>(kBins - 1, static_cast<int>(scale.place(image.score) * kBins)))];
  return bins;
}

std::string bars(const Bins& bins, int most, bool right, const std::string& kind) {
  std::string text;
  for (int i = 0; i < kBins; ++i) {
    const int count = bins[static_cast<std::size_t>(i)];
    if (count == 0) continue;
    const double share = static_cast<double>(count) / most, width = kInnerWidth / kBins / 2;
    text += "<rect class=\"" + kind + "\" x=\"" +
            number(across(static_cast<double>(i) / kBins) + (right ? width : 0)) + "\" y=\"" +
            number(upwards(share)) + "\" width=\"" + number(width) + "\" height=\"" +
            number(share * kInnerHeight) + "\"><title>" + std::to_string(count) + " " + kind +
            "</title></rect>";
  }
  return text;
}

std::string marked(const std::optional<double>& threshold, const Scale& scale, const std::string& kind) {
  if (!threshold) return {};
  const double x = across(std::clamp(scale.place(*threshold), 0.0, 1.0));
  return line(x, kTop, x, upwards(0), kind);
}

}  // namespace

std::string curve_svg(std::span<const CurvePoint> curve, const std::string& x, const std::string& y,
                      bool diagonal) {
  std::string text = begin(y + " over " + x) + axis_names(x, y);
  for (const double tick : {0.0, 0.5, 1.0}) {
    text += label(across(tick), upwards(0) + 13, "middle", number(tick));
    text += label(kLeft - 4, upwards(tick) + 4, "end", number(tick));
  }
  if (diagonal) text += line(kLeft, upwards(0), across(1), upwards(1), "guess");
  text += "<polyline class=\"curve\" points=\"";
  for (const CurvePoint& point : curve)
    text += number(across(point.x)) + "," + number(upwards(point.y)) + " ";
  return text + "\"/></svg>";
}

std::string histogram_svg(std::span<const ScoredImage> images, const Thresholds& thresholds) {
  const Scale scale = scale_of(images);
  const Bins normal = bins_of(images, scale, false), anomalous = bins_of(images, scale, true);
  const int most = std::max({1, *std::max_element(normal.begin(), normal.end()),
                             *std::max_element(anomalous.begin(), anomalous.end())});
  std::string text = begin("image scores") + axis_names("score", "images");
  text += label(kLeft, upwards(0) + 13, "start", fixed(scale.low, 2));
  text += label(across(1), upwards(0) + 13, "end", fixed(scale.high, 2));
  text += label(kLeft - 4, upwards(1) + 8, "end", std::to_string(most));
  text += bars(normal, most, false, "normal") + bars(anomalous, most, true, "anomalous");
  return text + marked(thresholds.best_f1, scale, "f1") + marked(thresholds.percentile, scale, "percentile") +
         "</svg>";
}

}  // namespace res2clip
