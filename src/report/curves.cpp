#include "res2clip/report/curves.hpp"

#include <algorithm>
#include <cmath>

namespace res2clip {
namespace {

/// How many images reach a score, from the highest score down, one for each score that occurs.
struct Reached {
  double score;
  double normal, anomalous;
};

std::vector<Reached> reached(std::span<const ScoredImage> images) {
  std::vector<ScoredImage> sorted(images.begin(), images.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const ScoredImage& a, const ScoredImage& b) { return a.score > b.score; });
  std::vector<Reached> all;
  Reached sum{0, 0, 0};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    (sorted[i].anomalous ? sum.anomalous : sum.normal) += 1;
    sum.score = sorted[i].score;
    if (i + 1 == sorted.size() || sorted[i + 1].score != sorted[i].score) all.push_back(sum);
  }
  return all.empty() || all.back().normal == 0 || all.back().anomalous == 0 ? std::vector<Reached>() : all;
}

}  // namespace

std::vector<CurvePoint> roc_curve(std::span<const ScoredImage> images) {
  const auto all = reached(images);
  if (all.empty()) return {};
  std::vector<CurvePoint> curve = {{0, 0}};
  for (const Reached& one : all)
    curve.push_back({one.normal / all.back().normal, one.anomalous / all.back().anomalous});
  return curve;
}

std::vector<CurvePoint> precision_recall_curve(std::span<const ScoredImage> images) {
  const auto all = reached(images);
  std::vector<CurvePoint> curve;
  for (const Reached& one : all)
    curve.push_back({one.anomalous / all.back().anomalous, one.anomalous / (one.anomalous + one.normal)});
  return curve;
}

std::optional<double> best_f1_threshold(std::span<const ScoredImage> images) {
  const auto all = reached(images);
  std::optional<double> threshold;
  double best = -1;
  for (const Reached& one : all) {
    const double f1 = 2 * one.anomalous / (one.anomalous + one.normal + all.back().anomalous);
    if (f1 > best) threshold = one.score;
    best = std::max(best, f1);
  }
  return threshold;
}

std::optional<double> normal_percentile(std::span<const ScoredImage> images, double share) {
  std::vector<double> scores;
  for (const ScoredImage& image : images)
    if (!image.anomalous) scores.push_back(image.score);
  if (scores.empty()) return std::nullopt;
  std::sort(scores.begin(), scores.end());
  const double place = std::ceil(share * static_cast<double>(scores.size())) - 1;
  return scores[static_cast<std::size_t>(std::max(0.0, place))];
}

}  // namespace res2clip
