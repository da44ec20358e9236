#include "metrics/plain.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace res2clip::testing {

PlainFigures plain_pixel_figures(std::vector<PlainPixel> pixels, std::int64_t regions, double pro_limit) {
  std::sort(pixels.begin(), pixels.end(),
            [](const PlainPixel& a, const PlainPixel& b) { return a.score > b.score; });
  std::vector<double> hits{0.0};  // true positives, false positives and weight at each distinct threshold
  std::vector<double> alarms{0.0};
  std::vector<double> weights{0.0};
  double hit = 0.0;
  double alarm = 0.0;
  double weight = 0.0;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    hit += pixels[i].anomalous ? 1.0 : 0.0;
    alarm += pixels[i].anomalous ? 0.0 : 1.0;
    weight += pixels[i].weight;
    if (i + 1 < pixels.size() && pixels[i + 1].score == pixels[i].score) continue;
    hits.push_back(hit);
    alarms.push_back(alarm);
    weights.push_back(weight);
  }
  PlainFigures figures;
  for (std::size_t i = 1; i < hits.size(); ++i) {
    const double recall = hits[i] / hit;
    const double gain = (hits[i] - hits[i - 1]) / hit;
    const double precision = hits[i] / (hits[i] + alarms[i]);
    const double rate = alarms[i] / alarm;
    const double step = rate - alarms[i - 1] / alarm;
    figures.auroc += step * (hits[i] + hits[i - 1]) / 2.0 / hit;
    figures.ap += gain * precision;
    figures.f1 = std::max(figures.f1, 2.0 * precision * recall / (precision + recall + 1e-7));
    const double from = alarms[i - 1] / alarm;
    if (from >= pro_limit || step == 0.0) continue;
    const double low = weights[i - 1] / static_cast<double>(regions);
    const double high = weights[i] / static_cast<double>(regions);
    const double share = std::min(1.0, (pro_limit - from) / step);
    figures.aupro += share * step * (low + (low + share * (high - low))) / 2.0 / pro_limit;
  }
  return figures;
}

std::vector<int> plain_regions(const std::vector<std::uint8_t>& mask, std::int64_t rows, std::int64_t cols) {
  std::vector<int> labels(mask.size(), 0);
  int label = 0;
  for (std::int64_t start = 0; start < rows * cols; ++start) {
    if (mask[start] == 0 || labels[start] != 0) continue;
    std::vector<std::int64_t> open{start};
    labels[start] = ++label;
    while (!open.empty()) {
      const std::int64_t pixel = open.back();
      open.pop_back();
      for (std::int64_t row = std::max<std::int64_t>(0, pixel / cols - 1);
           row <= std::min(rows - 1, pixel / cols + 1); ++row)
        for (std::int64_t col = std::max<std::int64_t>(0, pixel % cols - 1);
             col <= std::min(cols - 1, pixel % cols + 1); ++col)
          if (mask[row * cols + col] != 0 && labels[row * cols + col] == 0) {
            labels[row * cols + col] = label;
            open.push_back(row * cols + col);
          }
    }
  }
  return labels;
}

}  // namespace res2clip::testing
