#include "res2clip/report/curves.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <random>

namespace res2clip {
namespace {

using ::testing::IsEmpty;

/// Scores with many ties.
std::vector<ScoredImage> drawn(int seed, int count) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::vector<ScoredImage> images;
  for (int i = 0; i < count; ++i) {
    const bool anomalous = random() % 3 == 0;
    images.push_back(
        {std::to_string(i), anomalous, static_cast<double>(random() % 12) + (anomalous ? 2 : 0)});
  }
  return images;
}

// The area under the curve is the share of pairs in which the anomalous image scores higher, ties half.
TEST(RocCurve, HasTheAreaThatPairsGive) {
  for (int seed = 0; seed < 20; ++seed) {
    const auto images = drawn(seed, 40);
    double pairs = 0, won = 0;
    for (const ScoredImage& a : images)
      for (const ScoredImage& n : images) {
        if (!a.anomalous || n.anomalous) continue;
        pairs += 1;
        won += a.score > n.score ? 1 : a.score == n.score ? 0.5 : 0;
      }
    const auto curve = roc_curve(images);
    double area = 0;
    for (std::size_t i = 1; i < curve.size(); ++i)
      area += (curve[i].x - curve[i - 1].x) * (curve[i].y + curve[i - 1].y) / 2;
    EXPECT_NEAR(area, won / pairs, 1e-12);
    EXPECT_EQ(curve.back().x, 1.0);
    EXPECT_EQ(curve.back().y, 1.0);
  }
}

// Every point of the curve and the best F1, by counting at each threshold anew.
TEST(PrecisionRecallCurve, IsWhatCountingGives) {
  for (int seed = 0; seed < 20; ++seed) {
    const auto images = drawn(seed, 40);
    std::vector<double> thresholds;
    for (const ScoredImage& image : images) thresholds.push_back(image.score);
    std::sort(thresholds.rbegin(), thresholds.rend());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    const auto curve = precision_recall_curve(images);
    ASSERT_EQ(curve.size(), thresholds.size());
    double best = -1, best_threshold = 0;
    for (std::size_t i = 0; i < thresholds.size(); ++i) {
      double found = 0, called = 0, all = 0;
      for (const ScoredImage& image : images) {
        all += image.anomalous ? 1 : 0;
        if (image.score < thresholds[i]) continue;
        called += 1;
        found += image.anomalous ? 1 : 0;
      }
      EXPECT_DOUBLE_EQ(curve[i].x, found / all);
      EXPECT_DOUBLE_EQ(curve[i].y, found / called);
      const double f1 = 2 * found / (called + all);
      if (f1 > best) best = f1, best_threshold = thresholds[i];
    }
    EXPECT_EQ(best_f1_threshold(images), best_threshold);
  }
}

TEST(Curves, NeedBothKindsOfImages) {
  const std::vector<ScoredImage> normal = {{"a", false, 1.0}, {"b", false, 2.0}},
                                 anomalous = {{"a", true, 1.0}};
  for (const auto& images : {normal, anomalous, std::vector<ScoredImage>()}) {
    EXPECT_THAT(roc_curve(images), IsEmpty());
    EXPECT_THAT(precision_recall_curve(images), IsEmpty());
    EXPECT_FALSE(best_f1_threshold(images));
  }
}

TEST(NormalPercentile, IsAScoreThatTheShareStaysBelowOrAt) {
  std::vector<ScoredImage> images = {{"x", true, 100.0}};
  for (int i = 1; i <= 20; ++i) images.push_back({"n", false, static_cast<double>(i)});
  EXPECT_EQ(normal_percentile(images, 0.95), 19.0);
  EXPECT_EQ(normal_percentile(images, 1.0), 20.0);
  EXPECT_EQ(normal_percentile(images, 0.0), 1.0);
  images.resize(1);
  EXPECT_FALSE(normal_percentile(images, 0.95));
}

}  // namespace
}  // namespace res2clip
