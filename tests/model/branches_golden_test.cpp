// The equations one by one, from the residuals that the authors' code retrieved: without backbone and
// retrieval.
#include "res2clip/model/branches.hpp"
#include "res2clip/model/smoothing.hpp"

#include "model/scoring_goldens.hpp"

namespace res2clip {
namespace {

using namespace testing;

constexpr Grid kGrid{5, 5};
constexpr std::int64_t kPatch = 14;

class TrainingFreeRun : public ::testing::TestWithParam<std::string> {
 protected:
  std::string shots() const { return GetParam().substr(GetParam().find('_') + 1); }

  at::Tensor smoothed(const std::vector<at::Tensor>& layers) const {
    return gaussian_smooth(anomaly_map(layers, kGrid, kPatch), 5, 4.0);
  }
};

TEST_P(TrainingFreeRun, VisualBranchFollowsFromItsResiduals) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder);
    std::vector<at::Tensor> layers;
    for (const std::string layer : {"6", "12", "18", "24"}) {
      layers.push_back(residual_magnitude(goldens.tensors[shots() + "/R_v_l" + layer]));
      EXPECT_TENSORS_NEAR(layers.back().view({-1, 5, 5}), goldens.of(GetParam(), "maps_vis_l" + layer),
                          kPatchMapTolerance);
    }
    EXPECT_TENSORS_NEAR(smoothed(layers), goldens.of(GetParam(), "M_vis"), kMapTolerance);
    EXPECT_TENSORS_NEAR(top_mean(smoothed(layers), 0.01), goldens.of(GetParam(), "s_vis"), kScoreTolerance);
  }
}

TEST_P(TrainingFreeRun, ResidualBranchFollowsFromItsResiduals) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder);
    const at::Tensor direction = goldens.tensors["R_t"];
    const at::Tensor projection =
        residual_projection(goldens.tensors[shots() + "/R_v_l24"], direction).clamp_min(0);
    EXPECT_TENSORS_NEAR(projection.view({-1, 5, 5}), goldens.of(GetParam(), "maps_res_l24"),
                        kPatchMapTolerance);
    const at::Tensor map = smoothed({projection});
    EXPECT_TENSORS_NEAR(map, goldens.of(GetParam(), "M_res"), kMapTolerance);
    const at::Tensor global = residual_projection(goldens.of(GetParam(), "R_v_cls"), direction);
    EXPECT_TENSORS_NEAR(global, goldens.of(GetParam(), "s_res_cls_raw"), kScoreTolerance);
    EXPECT_TENSORS_NEAR(image_score(global.clamp_min(0), top_mean(map, 0.01)),
                        goldens.of(GetParam(), "s_res"), kScoreTolerance);
  }
}

TEST_P(TrainingFreeRun, TextBranchFollowsFromItsSimilarities) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder);
    const at::Tensor map = smoothed({goldens.of(GetParam(), "maps_text_l24").flatten(1)});
    EXPECT_TENSORS_NEAR(map, goldens.of(GetParam(), "M_text"), kMapTolerance);
    const at::Tensor global =
        text_similarity(goldens.tensors[GetParam() + "/feat_global"], goldens.tensors["R_t"]);
    EXPECT_TENSORS_NEAR(global, goldens.of(GetParam(), "s_text_cls"), kScoreTolerance);
    EXPECT_TENSORS_NEAR(image_score(global, top_mean(map, 0.01)), goldens.of(GetParam(), "s_text"),
                        kScoreTolerance);
  }
}

TEST_P(TrainingFreeRun, FusionFollowsFromTheBranches) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder);
    const auto of = [&](const std::string& name) { return goldens.of(GetParam(), name); };
    const at::Tensor map = fuse({0.1, 1.0, 1.0}, of("M_text"), of("M_vis"), of("M_res"));
    EXPECT_TENSORS_NEAR(gaussian_smooth(map, 5, 4.0), of("M"), kMapTolerance);
    EXPECT_TENSORS_NEAR(fuse({1.0, 1.0, 1.0}, of("s_text"), of("s_vis"), of("s_res")), of("s"),
                        kScoreTolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Shots, TrainingFreeRun, ::testing::Values("tf_k1", "tf_k4"),
                         [](const auto& run) { return run.param; });

}  // namespace
}  // namespace res2clip
