#include "res2clip/model/text_anchors.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using testing::Goldens;
using ::testing::HasSubstr;
using testing::test_data;

// Bank vectors: 3.6e-7 between float32 and float64; the goldens' suggested tolerance.
constexpr double kBankTolerance = 3e-6;

struct TextGoldens {
  Goldens tensors = Goldens::read(test_data("goldens/text_tiny.pt"));
  nlohmann::json json = testing::read_json(test_data("goldens/text_tiny.json"));

  at::Tensor features(const std::string& group) const {
    std::vector<at::Tensor> rows;
    for (std::size_t i = 0; i < json["prompts"].size(); ++i)
      if (json["prompts"][i]["group"] == group)
        rows.push_back(tensors["features"][static_cast<std::int64_t>(i)]);
    return at::stack(rows);
  }
};

TEST(TextAnchors, EqualTheReleasedOnes) {
  const TextGoldens goldens;
  const auto anchors = text_anchors(goldens.features("normal"), goldens.features("anomalous"), TextOptions{});
  EXPECT_TENSORS_NEAR(anchors.normal, goldens.tensors["t_normal"], kBankTolerance);
  EXPECT_TENSORS_NEAR(anchors.anomalous, goldens.tensors["t_anom"], kBankTolerance);
  EXPECT_TENSORS_NEAR(anchors.residual, goldens.tensors["r_anom"], kBankTolerance);
}

TEST(TextAnchors, OfNeutralAndNormalPromptsEqualTheReleasedOnes) {
  const TextGoldens goldens;
  const auto anchors = text_anchors(goldens.features("neutral"), goldens.features("normal"), TextOptions{});
  EXPECT_TENSORS_NEAR(anchors.normal, goldens.tensors["t_neutral"], kBankTolerance);
  EXPECT_TENSORS_NEAR(anchors.residual, goldens.tensors["r_normal"], kBankTolerance);
}

TEST(TextAnchors, OfThePaperAverageEncodingsAsTheyAre) {
  const TextGoldens goldens;
  const at::Tensor normal = goldens.features("normal");
  const at::Tensor anomalous = goldens.features("anomalous");
  const auto anchors =
      text_anchors(normal, anomalous, {.normalise_encodings = false, .normalise_residual = false});
  const at::Tensor mean_normal = normal.to(at::kDouble).mean(0);
  const at::Tensor mean_anomalous = anomalous.to(at::kDouble).mean(0);
  const at::Tensor residual = mean_anomalous / mean_anomalous.norm() - mean_normal / mean_normal.norm();
  EXPECT_TENSORS_NEAR(anchors.residual, residual, kBankTolerance);
  EXPECT_LT(anchors.residual.norm().item<double>(), 0.9);
}

TEST(TextAnchors, OfPromptsWithOneMeaningAreRefused) {
  const at::Tensor prompt = at::rand({1, 96});
  EXPECT_THAT(
      [&] {
        text_anchors(prompt.repeat({75, 1}), prompt.repeat({30, 1}), TextOptions{});
      },
      Fails(ErrorKind::settings, HasSubstr("prompts")));
}

TEST(TextAnchors, OfNoPromptOrOfDamagedEncodingsAreRefused) {
  const at::Tensor prompts = at::rand({3, 8});
  EXPECT_THAT(
      [&] {
        text_anchors(at::zeros({0, 8}), prompts, TextOptions{});
      },
      Fails(ErrorKind::settings, HasSubstr("prompt; name at least one")));
  EXPECT_THAT([&] { text_anchors(prompts, prompts / 0.0, TextOptions{}); },
              Fails(ErrorKind::data, HasSubstr("the encoding of a")));
}

}  // namespace
}  // namespace res2clip
