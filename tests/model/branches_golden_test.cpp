// The equations one by one, from the residuals that the authors' code retrieved: without backbone and
// retrieval.
#include "res2clip/model/adapters.hpp"
#include "res2clip/model/branches.hpp"
#include "res2clip/model/checkpoint.hpp"
#include "res2clip/model/smoothing.hpp"

#include "model/scoring_goldens.hpp"
#include "support/devices.hpp"
#include "support/formula.hpp"

namespace res2clip {
namespace {

using namespace testing;

constexpr Grid kGrid{5, 5};
constexpr std::int64_t kPatch = 14;

/// "tf_k4": training-free with 4 shots; "ft_k1": fine-tuned, with formula adapters, 1 shot.
class Run : public EveryCaseAndDevice {
 protected:
  bool fine_tuned() const { return which().starts_with("ft"); }
  std::string shots() const { return which().substr(which().find('_') + 1); }

  at::Tensor raw_residual(const ScoringGoldens& goldens, int layer) const {
    return goldens[shots() + "/R_v_l" + std::to_string(layer)];
  }

  static Adapters adapters() {
    const std::vector<int> layers = {6, 12, 18, 24};
    return to_device(assemble_adapters(formula_adapters(96, layers, layers, 8), "formula"), device());
  }

  static at::Tensor smoothed(const std::vector<at::Tensor>& layers) {
    return gaussian_smooth(anomaly_map(layers, kGrid, kPatch), 5, 4.0);
  }
};

TEST_P(Run, VisualBranchFollowsFromItsResiduals) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    std::vector<at::Tensor> layers;
    for (const int layer : {6, 12, 18, 24}) {
      at::Tensor residual = raw_residual(goldens, layer);
      if (fine_tuned()) residual = adapt_local(adapters().vis_adapters.at(layer), residual, kGrid);
      layers.push_back(residual_magnitude(residual));
      EXPECT_TENSORS_NEAR(layers.back().view({-1, 5, 5}),
                          goldens.of(which(), "maps_vis_l" + std::to_string(layer)), kPatchMapTolerance);
    }
    EXPECT_TENSORS_NEAR(smoothed(layers), goldens.of(which(), "M_vis"), kMapTolerance);
    EXPECT_TENSORS_NEAR(top_mean(smoothed(layers), 0.01), goldens.of(which(), "s_vis"), kScoreTolerance);
  }
}

TEST_P(Run, ResidualBranchFollowsFromItsResiduals) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    at::Tensor direction = goldens["R_t"];
    at::Tensor global = goldens.of(which(), "R_v_cls");
    if (fine_tuned()) {
      direction = adapt_global(adapters().res_text_adapter, direction);
      global = adapt_global(adapters().res_vis_global_adapter, global);
      EXPECT_TENSORS_NEAR(global, goldens.of(which(), "R_v_cls_res"), kScoreTolerance);
    }
    std::vector<at::Tensor> layers;
    for (const int layer : fine_tuned() ? std::vector<int>{6, 12, 18, 24} : std::vector<int>{24}) {
      at::Tensor residual = raw_residual(goldens, layer);
      if (fine_tuned()) residual = adapt_local(adapters().res_vis_local_adapters.at(layer), residual, kGrid);
      layers.push_back(residual_projection(residual, direction).clamp_min(0));
      EXPECT_TENSORS_NEAR(layers.back().view({-1, 5, 5}),
                          goldens.of(which(), "maps_res_l" + std::to_string(layer)), kPatchMapTolerance);
    }
    const at::Tensor map = smoothed(layers);
    EXPECT_TENSORS_NEAR(map, goldens.of(which(), "M_res"), kMapTolerance);
    const at::Tensor projection = residual_projection(global, direction);
    EXPECT_TENSORS_NEAR(projection, goldens.of(which(), "s_res_cls_raw"), kScoreTolerance);
    EXPECT_TENSORS_NEAR(image_score(projection.clamp_min(0), top_mean(map, 0.01)),
                        goldens.of(which(), "s_res"), kScoreTolerance);
  }
}

TEST_P(Run, TextBranchFollowsFromItsSimilarities) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    const at::Tensor map = smoothed({goldens.of(which(), "maps_text_l24").flatten(1)});
    EXPECT_TENSORS_NEAR(map, goldens.of(which(), "M_text"), kMapTolerance);
    at::Tensor direction = goldens["R_t"];
    if (fine_tuned()) direction = adapt_global(adapters().text_adapter, direction);
    const at::Tensor global = text_similarity(goldens[which() + "/feat_global"], direction);
    EXPECT_TENSORS_NEAR(global, goldens.of(which(), "s_text_cls"), kScoreTolerance);
    EXPECT_TENSORS_NEAR(image_score(global, top_mean(map, 0.01)), goldens.of(which(), "s_text"),
                        kScoreTolerance);
  }
}

TEST_P(Run, FusionFollowsFromTheBranches) {
  for (const Path& folder : scoring_folders()) {
    const ScoringGoldens goldens(folder, device());
    const auto of = [&](const std::string& name) { return goldens.of(which(), name); };
    const double residual = fine_tuned() ? 0.1 : 1.0;
    const at::Tensor map = fuse({0.1, 1.0, residual}, of("M_text"), of("M_vis"), of("M_res"));
    EXPECT_TENSORS_NEAR(gaussian_smooth(map, 5, 4.0), of("M"), kMapTolerance);
    EXPECT_TENSORS_NEAR(fuse({1.0, 1.0, residual}, of("s_text"), of("s_vis"), of("s_res")), of("s"),
                        kScoreTolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Scoring, Run,
                         ::testing::Combine(::testing::Values("tf_k1", "tf_k4", "ft_k1", "ft_k4"), kDevices),
                         case_and_device_name);

}  // namespace
}  // namespace res2clip
