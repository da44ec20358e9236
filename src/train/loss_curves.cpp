#include "res2clip/train/loss_curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>
#include <vector>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/html.hpp"

namespace res2clip {
namespace {

struct Point {
  double step;
  double value;
};
using Curve = std::vector<Point>;
using Curves = std::map<std::string, Curve>;

constexpr int kWidth = 760;
constexpr int kHeight = 240;
constexpr int kLeft = 60;
constexpr int kBottom = 24;
constexpr std::array kColours{"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                              "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f"};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// Runs of steps with a value: a branch that pauses leaves a gap.
void collect(const nlohmann::json& step, const char* key, Curves& curves) {
  const auto figures = step.find(key);
  if (figures == step.end() || !figures->is_object()) return;
  for (const auto& [name, value] : figures->items())
    if (value.is_number()) curves[name].push_back({step["step"].get<double>(), value.get<double>()});
}

struct Axes {
  double last_step = 1.0;
  double highest = 0.0;

  double x(double step) const { return kLeft + step / last_step * (kWidth - kLeft - 10); }
  double y(double value) const { return kHeight - kBottom - value / highest * (kHeight - kBottom - 10); }
};

std::string polyline(const Curve& curve, const Axes& axes, const std::string& colour) {
  std::string points;
  std::string lines;
  const auto close = [&] {
    if (!points.empty()) lines += "<polyline fill='none' stroke='" + colour + "' points='" + points + "'/>\n";
    points.clear();
  };
  double previous = -2.0;
  for (const Point& point : curve) {
    if (point.step > previous + 1.5) close();
    points += number(axes.x(point.step)) + "," + number(axes.y(point.value)) + " ";
    previous = point.step;
  }
  close();
  return lines;
}

std::string grid(const Axes& axes) {
  std::string text;
  for (int i = 0; i <= 4; ++i) {
    const double value = axes.highest * i / 4;
    const std::string y = number(axes.y(value));
    text += "<line class='grid' x1='" + std::to_string(kLeft) + "' x2='" + std::to_string(kWidth - 10) +
            "' y1='" + y + "' y2='" + y + "'/><text x='" + std::to_string(kLeft - 6) + "' y='" + y +
            "' class='left'>" + number(value) + "</text>\n";
    const double step = std::round(axes.last_step * i / 4);
    text += "<text x='" + number(axes.x(step)) + "' y='" + std::to_string(kHeight - 6) + "' class='below'>" +
            number(step) + "</text>\n";
  }
  return text;
}

std::string chart(const std::string& title, const Curves& curves) {
  Axes axes;
  for (const auto& [name, curve] : curves)
    for (const Point& point : curve) {
      axes.last_step = std::max(axes.last_step, point.step);
      axes.highest = std::max(axes.highest, point.value);
    }
  if (axes.highest <= 0.0) axes.highest = 1.0;
  std::string lines, legend;
  std::size_t index = 0;
  for (const auto& [name, curve] : curves) {
    const std::string colour = kColours[index++ % kColours.size()];
    lines += polyline(curve, axes, colour);
    legend += "<span style='color:" + colour + "'>&#9632; " + html_text(name) + "</span> ";
  }
  return "<h2>" + title + "</h2>\n<svg viewBox='0 0 " + std::to_string(kWidth) + " " +
         std::to_string(kHeight) + "'>\n" + grid(axes) + lines + "</svg>\n<p>" + legend + "</p>\n";
}

/// The curves whose names begin so.
Curves beginning(const Curves& curves, const std::string& prefix) {
  Curves chosen;
  for (const auto& [name, curve] : curves)
    if (name.rfind(prefix, 0) == 0) chosen[name] = curve;
  return chosen;
}

/// Without the zeros of the epochs in which a branch's side pauses.
Curves without_zeros(Curves curves) {
  for (auto& [name, curve] : curves)
    std::erase_if(curve, [](const Point& point) { return point.value == 0.0; });
  return curves;
}

}  // namespace

std::string loss_curves_html(std::string_view log) {
  Curves losses, terms, rates, norms;
  std::istringstream lines{std::string(log)};
  for (std::string line; std::getline(lines, line);) {
    const auto step = parse_bounded(line);
    if (!step.is_object() || !step.contains("step") || !step["step"].is_number()) continue;
    collect(step, "loss", losses);
    collect(step, "terms", terms);
    collect(step, "lr", rates);
    collect(step, "grad_norm", norms);
  }
  return "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>Training of the "
         "adapters</title>\n<style>"
         "body{font:14px sans-serif;max-width:800px;margin:24px "
         "auto}svg{width:100%}h2{font-size:16px;margin:24px 0 4px}"
         "text{font-size:11px;fill:#555}.left{text-anchor:end;dominant-baseline:middle}.below{text-anchor:"
         "middle}"
         ".grid{stroke:#ddd}polyline{stroke-width:1.2}</style></head><body>\n<h1>Training of the "
         "adapters</h1>\n" +
         chart("Losses by step", without_zeros(losses)) + chart("Text branch", beginning(terms, "text_")) +
         chart("Visual branch", beginning(terms, "vis_")) +
         chart("Residual branch", beginning(terms, "res_")) + chart("Learning rates", rates) +
         chart("Gradient norms before clipping", norms) + "</body></html>\n";
}

void write_loss_curves(const Path& log, const Path& html) {
  write_file(html, loss_curves_html(read_file(log)));
}

}  // namespace res2clip
