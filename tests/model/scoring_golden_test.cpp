// The whole computation per image, from the pixels on, against what was taken from inside the authors'
// running program.
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/model/detector.hpp"

#include "clip/tiny_backbone.hpp"
#include "model/scoring_goldens.hpp"
#include "support/devices.hpp"

namespace res2clip {
namespace {

using namespace testing;

const std::vector<int> kLayers = {6, 12, 18, 24};

class Scoring : public EveryCaseAndDevice {
 protected:
  static const Backbone& backbone() {
    static std::map<std::string, Backbone> tiny;
    const std::string name = device().str();
    if (!tiny.contains(name)) tiny.emplace(name, tiny_backbone(device()));
    return tiny.at(name);
  }

  bool fine_tuned() const { return which().starts_with("ft"); }
  std::int64_t shots() const { return which().back() - '0'; }

  Detector detector() const {
    std::optional<Adapters> adapters;
    if (fine_tuned()) adapters = assemble_adapters(formula_adapters(96, kLayers, kLayers, 8), "formula");
    return {encode_anchors(backbone(), {}, {}), backbone().card(), {}, adapters};
  }

  Detection found(const ScoringGoldens& goldens) const {
    const Detector judge = detector();
    const auto layers = judge.layers_needed();
    const at::Tensor references = goldens["reference"].narrow(0, 0, shots());
    return judge.detect(backbone().encode(goldens["query"], layers),
                        judge.remember(backbone().encode(references, layers)));
  }
};

TEST_P(Scoring, GivesTheMapsOfEveryLayer) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    const Detection detection = found(goldens);
    const auto compare = [&](const PatchMaps& maps, const std::string& branch) {
      for (const auto& [layer, map] : maps)
        EXPECT_TENSORS_NEAR(map, goldens.of(which(), "maps_" + branch + "_l" + std::to_string(layer)),
                            kPatchMapTolerance)
            << branch << " " << layer;
    };
    compare(detection.text_patches, "text");
    compare(detection.visual_patches, "vis");
    compare(detection.residual_patches, "res");
    EXPECT_EQ(detection.text_patches.size(), 1u);
    EXPECT_EQ(detection.visual_patches.size(), 4u);
    EXPECT_EQ(detection.residual_patches.size(), fine_tuned() ? 4u : 1u);
  }
}

TEST_P(Scoring, GivesTheMapsOfEveryBranch) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    const Detection detection = found(goldens);
    EXPECT_TENSORS_NEAR(detection.text_map, goldens.of(which(), "M_text"), kMapTolerance);
    EXPECT_TENSORS_NEAR(detection.visual_map, goldens.of(which(), "M_vis"), kMapTolerance);
    EXPECT_TENSORS_NEAR(detection.residual_map, goldens.of(which(), "M_res"), kMapTolerance);
    EXPECT_TENSORS_NEAR(detection.map, goldens.of(which(), "M"), kMapTolerance);
  }
}

TEST_P(Scoring, GivesTheScores) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    const Detection detection = found(goldens);
    const auto compare = [&](const at::Tensor& score, const std::string& name) {
      EXPECT_TENSORS_NEAR(score, goldens.of(which(), name), kScoreTolerance) << name;
    };
    compare(detection.text_global, "s_text_cls");
    compare(detection.residual_global_raw, "s_res_cls_raw");
    compare(detection.residual_global, "s_res_cls");
    compare(detection.text_score, "s_text");
    compare(detection.visual_score, "s_vis");
    compare(detection.residual_score, "s_res");
    compare(detection.score, "s");
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Scoring,
                         ::testing::Combine(::testing::Values("tf_k1", "tf_k4", "ft_k1", "ft_k4"), kDevices),
                         case_and_device_name);

TEST(TextAnchorsOfTheTinyBackbone, AreTheReleasedOnes) {
  const Goldens goldens = Goldens::read(test_data("goldens/text_tiny.pt"));
  const TextAnchors anchors = encode_anchors(tiny_backbone(), {}, {});
  EXPECT_TENSORS_NEAR(anchors.normal, goldens["t_normal"], kMapTolerance);
  EXPECT_TENSORS_NEAR(anchors.anomalous, goldens["t_anom"], kMapTolerance);
  EXPECT_TENSORS_NEAR(anchors.residual, goldens["r_anom"], kMapTolerance);
}

}  // namespace
}  // namespace res2clip
