#include "res2clip/image/overlay.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include <ATen/ops/empty.h>
#include <opencv2/imgproc.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/settings/check.hpp"

#include "foreign_errors.hpp"
#include "pixels.hpp"

namespace res2clip {
namespace {

const cv::Scalar kPaper(24, 24, 27), kInk(228, 228, 231), kFaintInk(150, 150, 155), kLine(255, 255, 255);
constexpr int kGap = 8;
constexpr int kTallestFooter = 80;  // with the largest lettering
/// A map's values that differ by less look calm, whatever the scale.
constexpr double kLeastSpan = 0.25;
/// Colours reach so many times what good parts reach.
constexpr double kBeyondCalm = 1.5;

/// The palette's 256 colours in RGB.
cv::Mat palette_colours(Palette palette) {
  cv::Mat ramp(1, 256, CV_8UC1), bgr, rgb;
  for (int i = 0; i < 256; ++i) ramp.at<std::uint8_t>(0, i) = static_cast<std::uint8_t>(i);
  cv::applyColorMap(ramp, bgr, palette == Palette::inferno ? cv::COLORMAP_INFERNO : cv::COLORMAP_TURBO);
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return rgb;
}

constexpr float kClear = 0.25f;  ///< heat up to here is not drawn

/// Smooth step: calm values stay clear, warm ones fade in, hot ones are at full strength.
float presence(float heat) {
  const float t = std::clamp((heat - kClear) / 0.5f, 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

/// The map scaled to 0 .. 1, at the image's size.
cv::Mat heat_of(const at::Tensor& map, const HeatScale& scale, const cv::Size& size) {
  const at::Tensor whole = map.cpu().contiguous();
  const cv::Mat values(static_cast<int>(whole.size(0)), static_cast<int>(whole.size(1)), CV_32FC1,
                       whole.data_ptr<float>());
  cv::Mat heat;
  values.convertTo(heat, CV_32F, 1.0 / (scale.high - scale.low), -scale.low / (scale.high - scale.low));
  cv::resize(heat, heat, size, 0, 0, cv::INTER_LINEAR);
  return cv::max(cv::min(heat, 1.0), 0.0);
}

void blend(cv::Mat& picture, const cv::Mat& heat, const OverlayOptions& options) {
  const cv::Mat colours = palette_colours(options.palette);
  for (int y = 0; y < picture.rows; ++y) {
    auto* pixel = picture.ptr<cv::Vec3b>(y);
    const auto* warm = heat.ptr<float>(y);
    for (int x = 0; x < picture.cols; ++x) {
      if (warm[x] <= kClear) continue;
      const auto& colour = colours.at<cv::Vec3b>(0, static_cast<int>(warm[x] * 255 + 0.5f));
      const float weight = static_cast<float>(options.opacity) * presence(warm[x]);
      for (int c = 0; c < 3; ++c)
        pixel[x][c] = cv::saturate_cast<std::uint8_t>(static_cast<float>(pixel[x][c]) * (1 - weight) +
                                                      static_cast<float>(colour[c]) * weight);
    }
  }
}

/// The part of a picture that a line of `reach` pixels to either side of the points touches.
cv::Rect around(const std::vector<std::vector<cv::Point>>& lines, int reach, const cv::Size& picture) {
  cv::Rect all;
  for (const auto& line : lines) all |= cv::boundingRect(line);
  return cv::Rect(all.x - reach, all.y - reach, all.width + 2 * reach, all.height + 2 * reach) &
         cv::Rect({0, 0}, picture);
}

/// Draws a line through pixels at known distances, with soft edges.
void draw_line(cv::Mat picture, const cv::Mat& distance, double thickness, const cv::Scalar& colour) {
  for (int y = 0; y < picture.rows; ++y) {
    auto* pixel = picture.ptr<cv::Vec3b>(y);
    const auto* away = distance.ptr<float>(y);
    for (int x = 0; x < picture.cols; ++x) {
      const double covered = std::min(1.0, thickness / 2 + 0.5 - static_cast<double>(away[x]));
      if (covered <= 0) continue;
      for (int c = 0; c < 3; ++c)
        pixel[x][c] = cv::saturate_cast<std::uint8_t>(pixel[x][c] + (colour[c] - pixel[x][c]) * covered);
    }
  }
}

/// A light line with a dark rim, so that it shows on any image. By the distance to the border's pixels, not
/// as strokes: a ragged region's border has a hundred thousand of them, each a stroke.
void draw_outline(cv::Mat& picture, const at::Tensor& outlined) {
  const at::Tensor inside = outlined.cpu().contiguous();
  const cv::Mat mask(static_cast<int>(inside.size(0)), static_cast<int>(inside.size(1)), CV_8UC1,
                     inside.data_ptr<std::uint8_t>());
  cv::Mat large;
  cv::resize(mask * 255, large, picture.size(), 0, 0, cv::INTER_LINEAR);
  std::vector<std::vector<cv::Point>> borders;
  cv::findContours(large > 127, borders, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_NONE);
  if (borders.empty()) return;
  const int thickness = std::max(1, std::min(picture.rows, picture.cols) / 350);
  const cv::Rect part = around(borders, thickness + 2, picture.size());
  cv::Mat elsewhere(part.size(), CV_8UC1, cv::Scalar(255)), distance;
  for (const auto& border : borders)
    for (const cv::Point& point : border) elsewhere.at<std::uint8_t>(point - part.tl()) = 0;
  cv::distanceTransform(elsewhere, distance, cv::DIST_L2, cv::DIST_MASK_5);
  draw_line(picture(part), distance, thickness + 2, kPaper);
  draw_line(picture(part), distance, thickness, kLine);
}

struct Lettering {
  double size;
  int thickness;
  int height;
};

Lettering lettering_for(int width) {
  const double size = std::clamp(width / 1900.0, 0.45, 2.0);
  return {size, size > 1.0 ? 2 : 1, static_cast<int>(22 * size) + 1};
}

int text_width(const std::string& text, const Lettering& letters) {
  int below = 0;
  return cv::getTextSize(text, cv::FONT_HERSHEY_DUPLEX, letters.size, letters.thickness, &below).width;
}

void write_text(cv::Mat& canvas, const std::string& text, cv::Point at, const Lettering& letters,
                const cv::Scalar& ink) {
  cv::putText(canvas, text, at, cv::FONT_HERSHEY_DUPLEX, letters.size, ink, letters.thickness, cv::LINE_AA);
}

/// `text` with a ? for each letter that cannot be drawn, whose further bytes in UTF-8 are left out.
std::string drawable(const std::string& text) {
  std::string shown;
  bool inside = false;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x80)
      shown += letter >= ' ' && letter <= '~' ? letter : '?';
    else if (!inside || (byte & 0xC0) != 0x80)
      shown += '?';
    inside = byte >= 0x80;
  }
  return shown;
}

/// `text` as it can be drawn, cut to `width` pixels.
std::string fitting(const std::string& text, int width, const Lettering& letters) {
  std::string shown = drawable(text);
  if (text_width(shown, letters) <= width) return shown;
  while (!shown.empty() && text_width(shown + "...", letters) > width) shown.pop_back();
  return shown + "...";
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

/// The colour scale with its end values, right-aligned at `right`; returns the x where it begins.
int draw_scale(cv::Mat& canvas, int right, int baseline, const HeatScale& scale,
               const OverlayOptions& options, const Lettering& letters) {
  const std::string low = number_text(scale.low), high = number_text(scale.high);
  const int length = std::max(80, canvas.cols / 9), thickness = letters.height / 2 + 2;
  const int end = right - text_width(high, letters) - kGap;
  cv::Mat bar;
  cv::resize(palette_colours(options.palette), bar, {length, thickness}, 0, 0, cv::INTER_LINEAR);
  bar.copyTo(canvas(cv::Rect(end - length, baseline - thickness, length, thickness)));
  write_text(canvas, high, {end + kGap, baseline}, letters, kFaintInk);
  const int begin = end - length - kGap - text_width(low, letters);
  write_text(canvas, low, {begin, baseline}, letters, kFaintInk);
  return begin;
}

/// Whether original and overlay stand one above the other instead of side by side.
bool is_wide(const cv::Size& picture) {
  return picture.width > 2 * picture.height;
}

/// The largest size of an image with which the result is no longer than kLongestOverlay.
cv::Size room_for(const cv::Size& picture, const OverlayOptions& options) {
  constexpr int kLongest = static_cast<int>(kLongestOverlay);
  if (!options.side_by_side) return {kLongest, kLongest};
  if (is_wide(picture)) return {kLongest - 2 * kGap, (kLongest - 2 * kGap - kTallestFooter) / 2};
  return {(kLongest - 3 * kGap) / 2, kLongest - kGap - kTallestFooter};
}

/// An image at the size at which it is shown.
cv::Mat at_shown_size(const cv::Mat& picture, const OverlayOptions& options) {
  const cv::Size room = room_for(picture.size(), options);
  const double most = std::min(static_cast<double>(room.width) / picture.cols,
                               static_cast<double>(room.height) / picture.rows);
  cv::Mat shown;
  if (most < 1) {
    const cv::Size smaller(std::max(1, static_cast<int>(picture.cols * most)),
                           std::max(1, static_cast<int>(picture.rows * most)));
    cv::resize(picture, shown, smaller, 0, 0, cv::INTER_AREA);
    return shown;
  }
  const int edge = std::min(picture.rows, picture.cols), smallest = static_cast<int>(options.smallest_edge);
  const int factor = std::clamp((smallest + edge - 1) / edge, 1, static_cast<int>(std::min(most, 8.0)));
  cv::resize(picture, shown, {}, factor, factor, cv::INTER_CUBIC);
  return shown;
}

cv::Mat panel(const cv::Mat& original, const cv::Mat& overlay, const HeatScale& scale,
              const std::string& caption, const OverlayOptions& options) {
  constexpr int kNarrowest = 420;  // room for the colour scale
  const cv::Point second = is_wide(original.size()) ? cv::Point(kGap, original.rows + 2 * kGap)
                                                    : cv::Point(original.cols + 2 * kGap, kGap);
  const int width = std::max(second.x + overlay.cols + kGap, kNarrowest);
  const int bottom = second.y + overlay.rows;
  const Lettering letters = lettering_for(width);
  const int footer = letters.height + 3 * kGap;
  cv::Mat canvas(bottom + footer, width, CV_8UC3, kPaper);
  original.copyTo(canvas(cv::Rect(kGap, kGap, original.cols, original.rows)));
  overlay.copyTo(canvas(cv::Rect(second, overlay.size())));
  const int baseline = bottom + footer / 2 + letters.height / 3;
  const int scale_begin = draw_scale(canvas, width - kGap, baseline, scale, options, letters);
  write_text(canvas, fitting(caption, scale_begin - 3 * kGap, letters), {kGap, baseline}, letters, kInk);
  return canvas;
}

at::Tensor to_tensor(const cv::Mat& picture) {
  at::Tensor pixels = at::empty({picture.rows, picture.cols, 3}, at::kByte);
  cv::Mat target(picture.rows, picture.cols, CV_8UC3, pixels.data_ptr<std::uint8_t>());
  picture.copyTo(target);
  return pixels;
}

}  // namespace

HeatScale heat_scale(const at::Tensor& map, const OverlayOptions& options) {
  require_in_range(options, "overlay");
  const at::Tensor values = sound_map_values(map, "heat_scale");
  const double low = values.median().item<double>();
  return {low, std::max({values.max().item<double>(), kBeyondCalm * options.calm, low + kLeastSpan})};
}

HeatScale heat_scale_around(double low, double middle) {
  return {low, std::max(2 * middle - low, low + kLeastSpan)};
}

at::Tensor heat_overlay(const at::Tensor& image, const HeatLayer& heat, const std::string& caption,
                        const OverlayOptions& options) {
  const std::string function = "heat_overlay";
  require_in_range(options, "overlay");
  const at::Tensor whole = rgb_pixels(image, function), values = sound_map_values(heat.map, function);
  const at::Tensor outlined = heat.outlined.defined() ? mask_pixels(heat.outlined, function) : at::Tensor();
  const HeatScale& scale = heat.scale;
  if (!std::isfinite(scale.low) || !std::isfinite(scale.high) || !(scale.high > scale.low))
    throw settings_error("the overlay's scale must rise between two numbers: high must be above low");
  return with_own_errors(function, [&] {
    const cv::Mat source(static_cast<int>(whole.size(0)), static_cast<int>(whole.size(1)), CV_8UC3,
                         whole.data_ptr<std::uint8_t>());
    const cv::Mat original = at_shown_size(source, options);
    cv::Mat overlay = original.clone();
    blend(overlay, heat_of(values, scale, overlay.size()), options);
    if (options.outline && outlined.defined()) draw_outline(overlay, outlined);
    return to_tensor(options.side_by_side ? panel(original, overlay, scale, caption, options) : overlay);
  });
}

}  // namespace res2clip
