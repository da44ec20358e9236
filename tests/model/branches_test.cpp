#include "res2clip/model/branches.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

TEST(TopMean, IsTheMeanOfTheHighestPercent) {
  const at::Tensor map = at::randperm(10000).to(at::kFloat).view({1, 100, 100});
  EXPECT_NEAR(top_mean(map, 0.01).item<double>(), 9949.5, 1e-3);  // the mean of 9900 .. 9999
}

TEST(TopMean, RoundsTheCountDownButTakesAtLeastOnePixel) {
  const at::Tensor map = at::arange(150, at::kFloat).view({1, 10, 15});
  EXPECT_EQ(top_mean(map, 0.01).item<float>(), 149.0f);  // one and a half
  EXPECT_EQ(top_mean(map, 0.0).item<float>(), 149.0f);
  EXPECT_EQ(top_mean(map, 1.0).item<float>(), 74.5f);
}

TEST(GlobalBaseline, IsAUnitVectorOrThePlainMean) {
  const at::Tensor references = at::eye(4).narrow(0, 0, 2);
  EXPECT_NEAR(global_baseline(references, true).norm().item<double>(), 1.0, 1e-6);
  EXPECT_TENSORS_NEAR(global_baseline(references, false), at::tensor({0.5f, 0.5f, 0.0f, 0.0f}), 0.0);
}

// Eq. 10: calibrating the text branch with a normal reference is projecting the residual.
TEST(ResidualProjection, IsTheDifferenceOfTwoTextSimilarities) {
  const at::Tensor query = at::randn({2, 9, 16});
  const at::Tensor reference = at::randn({2, 9, 16});
  const at::Tensor direction = at::randn({16});
  const at::Tensor difference = text_similarity(query, direction) - text_similarity(reference, direction);
  EXPECT_TENSORS_NEAR(residual_projection(query - reference, direction), difference, 5e-6);
}

TEST(AnomalyMap, IsTheMeanOfItsLayers) {
  const at::Tensor zeros = at::zeros({1, 6});
  const at::Tensor ones = at::ones({1, 6});
  const at::Tensor map = anomaly_map({zeros, ones, ones, zeros}, {2, 3}, 14);
  EXPECT_TENSORS_NEAR(map, at::full({1, 28, 42}, 0.5f),
                      1e-7);  // interpolation weights sum to 1 up to rounding
}

TEST(Fuse, WeighsTheBranches) {
  const at::Tensor one = at::ones({2});
  EXPECT_TENSORS_NEAR(fuse({0.1, 1.0, 10.0}, one, 2 * one, 3 * one), 32.1f * one, 1e-5);
}

}  // namespace
}  // namespace res2clip
