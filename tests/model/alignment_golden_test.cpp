// Every text anchor and residual alignment (Tables 11 and 3) against an evaluation of the equations that
// shares nothing with this code: tests/tools/make_alignment_goldens.py.
#include <vector>

#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "res2clip/model/detector.hpp"
#include "res2clip/settings/settings.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::json;

at::Tensor rows_of(const Json& json) {
  std::vector<at::Tensor> rows;
  for (const Json& row : json) rows.push_back(at::tensor(row.get<std::vector<float>>()));
  return at::stack(rows);
}

at::Tensor vector_of(const Json& json) {
  return at::tensor(json.get<std::vector<float>>());
}

/// Images with the same layers as a batch.
Features features_of(const std::vector<Json>& images, const Grid& grid) {
  Features features;
  features.grid = grid;
  std::vector<at::Tensor> globals;
  std::map<int, std::vector<at::Tensor>> patches;
  for (const Json& image : images) {
    globals.push_back(vector_of(image.at("global")));
    for (const auto& [layer, rows] : image.at("patches").items())
      patches[std::stoi(layer)].push_back(rows_of(rows));
  }
  features.global = at::stack(globals);
  for (const auto& [layer, rows] : patches) features.patches[layer] = at::stack(rows);
  return features;
}

class Alignment : public ::testing::TestWithParam<int> {};

TEST_P(Alignment, IsWhatTheEquationsGive) {
  const Json golden = testing::read_json(testing::test_data("goldens/alignment.json"));
  const Json& expected = golden.at("cases").at(static_cast<std::size_t>(GetParam()));
  const Grid grid{golden.at("rows").get<std::int64_t>(), golden.at("columns").get<std::int64_t>()};
  const TextAnchors anchors{vector_of(golden.at("anchors").at("normal")),
                            vector_of(golden.at("anchors").at("anomalous")),
                            vector_of(golden.at("anchors").at("residual"))};
  ModelCard card;
  card.sizes.vision_layers = 24;
  card.sizes.patch_size = golden.at("patch").get<std::int64_t>();
  DetectorOptions options;
  options.scoring.text_anchor = value_of<TextAnchorKind>(expected.at("text_anchor").get<std::string>(), "");
  options.scoring.residual_alignment =
      value_of<ResidualAlignment>(expected.at("residual_alignment").get<std::string>(), "");
  const Detector detector(anchors, card, options);
  const ReferenceBank bank =
      detector.remember(features_of(golden.at("references").get<std::vector<Json>>(), grid));
  const Detection found = detector.detect(features_of({golden.at("query")}, grid), bank);
  constexpr double kTolerance = 2e-6;  // float32 of sums of a few dozen terms
  EXPECT_NEAR(found.text_score.item<double>(), expected.at("text").get<double>(), kTolerance);
  EXPECT_NEAR(found.visual_score.item<double>(), expected.at("visual").get<double>(), kTolerance);
  EXPECT_NEAR(found.residual_score.item<double>(), expected.at("residual").get<double>(), kTolerance);
  EXPECT_NEAR(found.score.item<double>(), expected.at("score").get<double>(), kTolerance);
  EXPECT_TENSORS_NEAR(found.map[0], rows_of(expected.at("map")), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Settings, Alignment, ::testing::Range(0, 6));

}  // namespace
}  // namespace res2clip
