#include "res2clip/train/losses.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Goldens;

// What the golden set suggests; float32 against float64 measured 7e-8 and 8e-7.
constexpr double kValueTolerance = 1e-6;
constexpr double kGradientTolerance = 5e-6;

constexpr Grid kGrid{5, 5};
constexpr std::int64_t kSize = 70;

at::Tensor pixels(const at::Tensor& values) {
  return patches_to_pixels(values, kGrid, kSize, kSize, ScoreUpsampling::bilinear);
}

Labels batch_labels(const at::Tensor& anomalous) {
  return label(anomalous, CountOver::batch, label_counts(anomalous));
}

/// Every case of the golden file, by the function it came from. Returns value(s) as one tensor.
class ReleasedLosses : public ::testing::Test {
 protected:
  at::Tensor input(const std::string& name) const { return goldens_[name].clone().requires_grad_(true); }

  void expect(const std::string& key, const at::Tensor& value, const std::string& wanted,
              const at::Tensor& leaf) {
    SCOPED_TRACE(key);
    EXPECT_TENSORS_NEAR(value.reshape({-1}), goldens_[key + "/value"], kValueTolerance);
    value.sum().backward();
    EXPECT_TENSORS_NEAR(leaf.grad(), goldens_[key + "/grad_" + wanted], kGradientTolerance);
    ++compared_;
  }

  Goldens goldens_ = Goldens::read(testing::test_data("goldens/losses.pt"));
  nlohmann::json cases_ = testing::read_json(testing::test_data("goldens/losses.json"))["cases"];
  int compared_ = 0;
};

TEST_F(ReleasedLosses, OfPixels) {
  for (const auto& entry : cases_) {
    if (!entry.contains("mask")) continue;
    const std::string key = entry["key"];
    const Labels labels =
        batch_labels(goldens_["mask_" + entry["mask"].get<std::string>()].squeeze(1).to(at::kFloat));
    const at::Tensor score = input("score");
    const at::Tensor adapted = input("R_adapt");
    const at::Tensor raw = pixels(magnitude(goldens_["R_base"]));
    if (key.starts_with("dynamic")) {
      expect(key, residual_hinge(labels, pixels(score), raw, entry["tau"]), "score", score);
    } else if (key.starts_with("fixed")) {
      expect(key, text_hinge(labels, pixels(score), entry["margin"]), "score", score);
    } else {
      const at::Tensor length = pixels(magnitude(adapted));
      expect(key, at::stack({visual_normal(labels, length), visual_anomalous(labels, length, raw)}),
             "R_adapt", adapted);
    }
  }
  EXPECT_EQ(compared_, 25);
}

TEST_F(ReleasedLosses, OfImages) {
  for (const auto& entry : cases_) {
    if (!entry.contains("label")) continue;
    const std::string key = entry["key"];
    const Labels labels = batch_labels(goldens_["label_" + entry["label"].get<std::string>()]);
    const at::Tensor score = input("score_global");
    if (key.starts_with("dynamic"))
      expect(key, residual_hinge(labels, score, magnitude(goldens_["R_global"]), entry["tau"]), "score",
             score);
    else
      expect(key, text_hinge(labels, score, entry["margin"]), "score", score);
  }
  EXPECT_EQ(compared_, 16);
}

TEST_F(ReleasedLosses, OfTheRegularisers) {
  const at::Tensor adapted = input("R_adapt");
  expect("reg_l1", magnitude_regulariser(adapted, goldens_["R_base"]), "R_adapt", adapted);
  const at::Tensor text = input("text");
  expect("reg_cos", direction_regulariser(text, goldens_["text0"]), "text", text);
}

TEST(MagnitudeRegulariser, IsZeroWithoutGradientAtTheIdentity) {
  const at::Tensor raw = at::randn({3, 25, 96});
  // Laid out differently in memory, as a matched residual may be.
  const at::Tensor adapted = raw.transpose(1, 2).contiguous().transpose(1, 2).requires_grad_(true);
  const at::Tensor loss = magnitude_regulariser(adapted, raw);
  EXPECT_EQ(loss.item<float>(), 0.0f);
  loss.backward();
  EXPECT_EQ(adapted.grad().abs().max().item<float>(), 0.0f);
}

TEST(Labels, CountEachImageByItselfWhereAsked) {
  at::Tensor mask = at::zeros({2, 4, 4});
  mask[0].slice(0, 0, 1) = 1.0;  // 4 of 16 pixels of the first image
  const Labels labels = label(mask, CountOver::image, label_counts(mask));
  const at::Tensor value = at::full({2, 4, 4}, 3.0);
  // Each image's mean is 3; averaged over two images, of which one has no anomalous pixel.
  EXPECT_NEAR(normal_part(labels, value).item<double>(), 3.0, 1e-6);
  EXPECT_NEAR(anomalous_part(labels, value).item<double>(), 1.5, 1e-6);
}

TEST(Labels, OfPartsOfABatchAddUpToTheBatch) {
  const at::Tensor mask = at::rand({4, 8, 8}).gt(0.7).to(at::kFloat);
  const at::Tensor score = at::randn({4, 8, 8});
  for (const CountOver over : {CountOver::batch, CountOver::image}) {
    const Counts whole = label_counts(mask);
    const double one = text_hinge(label(mask, over, whole), score, 1.0).item<double>();
    double parts = 0.0;
    for (int image = 0; image < 4; ++image)
      parts += text_hinge(label(mask.narrow(0, image, 1), over, whole), score.narrow(0, image, 1), 1.0)
                   .item<double>();
    EXPECT_NEAR(parts, one, 1e-6);  // float32 sums in another order
  }
}

TEST(PatchesToPixels, TakesTheNearestPatchWhereAsked) {
  const at::Tensor values = at::arange(4, at::kFloat).view({1, 4});
  const at::Tensor map = patches_to_pixels(values, {2, 2}, 4, 4, ScoreUpsampling::nearest);
  EXPECT_TRUE(
      map.equal(at::tensor({0., 0., 1., 1., 0., 0., 1., 1., 2., 2., 3., 3., 2., 2., 3., 3.}, at::kFloat)
                    .view({1, 4, 4})));
}

TEST(UpsampledByProducts, EqualsLibTorchsUpsamplingAndItsGradient) {
  const at::Tensor plain = at::rand({3, 5, 7}, at::kDouble).requires_grad_(true);
  const at::Tensor maps = plain.detach().clone().requires_grad_(true);
  const at::Tensor expected = at::upsample_bilinear2d(plain.unsqueeze(1), {70, 98}, false).squeeze(1);
  const at::Tensor found = upsampled_by_products(maps, 70, 98);
  EXPECT_TENSORS_NEAR(found, expected, 1e-12);  // rounding in double
  const at::Tensor weights = at::rand({3, 70, 98}, at::kDouble);
  (expected * weights).sum().backward();
  (found * weights).sum().backward();
  EXPECT_TENSORS_NEAR(maps.grad(), plain.grad(), 1e-11);  // sums of some 200 terms of about 1
}

}  // namespace
}  // namespace res2clip
