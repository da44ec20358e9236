#include "res2clip/model/branches.hpp"

#include <cmath>

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

/// The cosine of two vectors, from its definition and in double precision; 0 if one has no length.
double cosine(const at::Tensor& one, const at::Tensor& other) {
  double product = 0, squares = 0, other_squares = 0;
  for (std::int64_t i = 0; i < one.size(0); ++i) {
    const double a = one[i].item<double>(), b = other[i].item<double>();
    product += a * b;
    squares += a * a;
    other_squares += b * b;
  }
  return squares == 0 || other_squares == 0 ? 0 : product / std::sqrt(squares * other_squares);
}

// Eq. 6 and the two rows beside it in Table 11.
TEST(TextAlignment, IsACosineWithAnAnchorOrOneMinusItForTheNormalOne) {
  at::Tensor features = at::randn({3, 5, 16});
  features = features / features.norm(2, {-1}, true);
  const at::Tensor anchor = at::randn({16});
  for (const auto kind : {TextAnchorKind::residual, TextAnchorKind::anomalous, TextAnchorKind::normal}) {
    const at::Tensor found = text_alignment(features, anchor, kind);
    for (std::int64_t i = 0; i < 15; ++i) {
      const double similarity = cosine(features.view({15, 16})[i], anchor);
      EXPECT_NEAR(found.flatten()[i].item<double>(),
                  kind == TextAnchorKind::normal ? 1.0 - similarity : similarity,
                  1e-6);  // float32 of 16 terms
    }
  }
}

// Table 3: cos(R_v, R_t) beside R_v projected on R_t, which is that times the length of R_v.
TEST(ResidualAlignment, IsAProjectionOrACosine) {
  at::Tensor residuals = at::randn({12, 16});
  residuals[7].zero_();
  const at::Tensor text = at::randn({16});
  const at::Tensor cosines = residual_alignment(residuals, text, ResidualAlignment::cosine);
  const at::Tensor projections = residual_alignment(residuals, text, ResidualAlignment::projection);
  for (std::int64_t i = 0; i < 12; ++i) {
    const double expected = cosine(residuals[i], text);
    EXPECT_NEAR(cosines[i].item<double>(), expected, 1e-6);
    EXPECT_NEAR(projections[i].item<double>(), expected * residuals[i].norm().item<double>(), 5e-6);
  }
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
