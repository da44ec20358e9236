#include "res2clip/model/region_of_interest.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/model/detector.hpp"
#include "res2clip/retrieval/match_weights.hpp"
#include "res2clip/retrieval/penalty.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 32, kPatchSize = 7;
constexpr Grid kGrid{5, 4};
const std::vector<int> kLayers = {6, 12, 18, 24};

at::Tensor unit(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, {-1}, true);
}

Features images(std::int64_t batch, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  Features features;
  features.grid = kGrid;
  features.global = unit(at::randn({batch, kWidth}, generator));
  for (const int layer : kLayers)
    features.patches[layer] = unit(at::randn({batch, kGrid.size(), kWidth}, generator));
  return features;
}

Detector detector(const DetectorOptions& options = {}) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  ModelCard card;
  card.sizes.vision_layers = 24;
  card.sizes.patch_size = kPatchSize;
  return {text_anchors(at::randn({3, kWidth}, generator), at::randn({2, kWidth}, generator), TextOptions{}),
          card, options};
}

/// The left half: two of four columns of patches.
at::Tensor left_half() {
  const at::Tensor inside = at::zeros({kGrid.rows * kPatchSize, kGrid.cols * kPatchSize}, at::kBool);
  inside.slice(1, 0, 2 * kPatchSize).fill_(true);
  return inside;
}

/// Other features in the patches of the right half.
Features with_other_right_half(Features features, std::uint64_t seed) {
  const Features other = images(features.batch(), seed);
  for (auto& [layer, patches] : features.patches) {
    patches = patches.clone();
    const std::vector<std::int64_t> shape{-1, kGrid.rows, kGrid.cols, kWidth};
    patches.view(shape).slice(2, 2, 4).copy_(other.patches.at(layer).view(shape).slice(2, 2, 4));
  }
  return features;
}

void expect_same_bits(const Detection& one, const Detection& other) {
  EXPECT_TRUE(one.score.equal(other.score));
  EXPECT_TRUE(one.text_score.equal(other.text_score));
  EXPECT_TRUE(one.visual_score.equal(other.visual_score));
  EXPECT_TRUE(one.residual_score.equal(other.residual_score));
  EXPECT_TRUE(one.map.equal(other.map));
  EXPECT_TRUE(one.text_map.equal(other.text_map));
  EXPECT_TRUE(one.visual_map.equal(other.visual_map));
  EXPECT_TRUE(one.residual_map.equal(other.residual_map));
}

TEST(RegionOfInterest, HoldsPatchesWithHalfOfTheirPixels) {
  at::Tensor inside = at::zeros({10, 10}, at::kByte);  // 5 x 5 patches of 2 x 2
  inside[0][0] = 1;
  inside[0][1] = 1;    // half of patch 0
  inside[4][4] = 255;  // a quarter of patch 12
  const auto region = region_of_interest(inside, {5, 5});
  ASSERT_TRUE(region);
  EXPECT_TRUE(region->patches.equal(at::zeros({1}, at::kLong)));
  EXPECT_EQ(region->places.numel(), 3);
  EXPECT_EQ(region->nearest.max().item<int>(), 0);
  EXPECT_FALSE(region_of_interest(at::ones({10, 10}, at::kBool), {5, 5}));
  inside[0][1] = 0;
  EXPECT_THAT(
      [&] {
        region_of_interest(inside, {5, 5});
      },
      Fails(ErrorKind::settings, HasSubstr("covers no patch")));
  EXPECT_THAT(
      [&] {
        region_of_interest(inside, {4, 5});
      },
      Fails(ErrorKind::data, HasSubstr("as large as the maps")));
}

TEST(RegionOfInterest, OfTheWholeImageLeavesEveryBit) {
  const Detector judge = detector();
  const ReferenceBank bank = judge.remember(images(3, 1)), whole = within(bank, at::ones_like(left_half()));
  EXPECT_FALSE(whole.region);
  EXPECT_EQ(bytes_of_bank(bank), bytes_of_bank(whole));
  expect_same_bits(judge.detect(images(2, 2), bank), judge.detect(images(2, 2), whole));
}

TEST(RegionOfInterest, NothingOutsideCounts) {
  for (const Weighting weighting : {Weighting::sparsemax, Weighting::top_k}) {
    DetectorOptions options;
    options.retrieval.weighting = weighting;
    options.retrieval.neighbours = 50;  // more than are inside
    const Detector judge = detector(options);
    const Features normals = images(3, 1), query = images(2, 2);
    const ReferenceBank bank = within(judge.remember(normals), left_half());
    const ReferenceBank other = within(judge.remember(with_other_right_half(normals, 7)), left_half());
    EXPECT_EQ(bytes_of_bank(bank), bytes_of_bank(other));
    expect_same_bits(judge.detect(query, bank), judge.detect(with_other_right_half(query, 8), bank));
    EXPECT_FALSE(judge.detect(query, bank).map.equal(judge.detect(query, judge.remember(normals)).map));
  }
}

TEST(RegionOfInterest, MapsOutsideAreAsCalmAsTheCalmestInside) {
  const Detector judge = detector();
  const Detection found = judge.detect(images(2, 2), within(judge.remember(images(3, 1)), left_half()));
  for (const at::Tensor& map : {found.map, found.text_map, found.visual_map, found.residual_map})
    for (std::int64_t i = 0; i < 2; ++i) {
      const double lowest = map[i].slice(1, 0, 2 * kPatchSize).min().item<double>();
      EXPECT_EQ(map[i].slice(1, 2 * kPatchSize).min().item<double>(), lowest);
      EXPECT_EQ(map[i].slice(1, 2 * kPatchSize).max().item<double>(), lowest);
    }
}

TEST(RegionOfInterest, TopMeansAreOverThePixelsInside) {
  DetectorOptions options;
  options.scoring.top_fraction = 0.1;
  const Detector judge = detector(options);
  const Detection found = judge.detect(images(2, 2), within(judge.remember(images(3, 1)), left_half()));
  const at::Tensor inside = found.visual_map.slice(2, 0, 2 * kPatchSize).flatten(1);
  const std::int64_t count = kGrid.rows * kPatchSize * 2 * kPatchSize / 10;
  EXPECT_TENSORS_NEAR(found.visual_score, std::get<0>(inside.sort(1, true)).narrow(1, 0, count).mean(1),
                      1e-6);
}

// The equation over the references inside, for every penalty; float sums of other lengths round otherwise.
TEST(RegionOfInterest, MatchesAmongTheReferencesInsideAlone) {
  const Features query = images(2, 2), normals = images(3, 1);
  const at::Tensor references = normals.patches.at(24).flatten(0, 1);
  const auto region = region_of_interest(left_half(), kGrid);
  const at::Tensor queries = query.patches.at(24);
  for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
    MatchOptions options;
    options.penalty = penalty;
    const Match found = match_within(queries, references, kGrid, options, *region);
    const at::Tensor places =
        (at::arange(3, at::kLong).unsqueeze(1) * kGrid.size() + region->patches).flatten();
    at::Tensor scores = similarity(queries, references, kGrid, false);
    const at::Tensor table = (spatial_penalty(penalty, kGrid) * options.gamma).to(at::kFloat);
    scores = scores - table.repeat({1, 3});
    const at::Tensor expected =
        aggregate(sparsemax(scores.index_select(2, places)), references.index_select(0, places));
    EXPECT_TENSORS_NEAR(found.reference, expected, 1e-5) << name;
    EXPECT_TENSORS_NEAR(found.residual_norm, (queries - expected).norm(2, {-1}), 1e-5) << name;
  }
}

TEST(RegionOfInterest, IsKeptInTheBanksFileAndByItsParts) {
  const Detector judge = detector();
  ReferenceBank bank = within(judge.remember(images(5, 1)), left_half());
  bank.origin.backbone = "b";
  const std::string bytes = bytes_of_bank(bank);
  const ReferenceBank read = bank_of_bytes(bytes, "bank");
  ASSERT_TRUE(read.region);
  EXPECT_TRUE(read.region->pixels.equal(left_half()));
  expect_same_bits(judge.detect(images(2, 2), bank), judge.detect(images(2, 2), read));
  EXPECT_TRUE(without_shot(bank, 1).region);
  EXPECT_TRUE(concatenate({bank, bank}).region);
  ReferenceBank whole = judge.remember(images(5, 1));
  whole.origin = bank.origin;
  EXPECT_THAT([&] { concatenate({bank, whole}); }, Fails(ErrorKind::data, HasSubstr("regions")));
  EXPECT_THAT([&] { within(bank, left_half()); }, Fails(ErrorKind::settings, HasSubstr("already")));
}

TEST(RegionOfInterest, IsCheckedWhereABankIsReadAndUsed) {
  const Detector judge = detector();
  const ReferenceBank bank = judge.remember(images(2, 1));
  const at::Tensor large = at::zeros({kGrid.rows * 14, kGrid.cols * 14}, at::kBool);
  large.slice(1, 0, 28).fill_(true);
  EXPECT_THAT([&] { judge.detect(images(1, 2), within(bank, large)); },
              Fails(ErrorKind::data, HasSubstr("region of interest is 56x70 pixels")));
  DetectorOptions pooled;
  pooled.retrieval.pooled_similarity = true;
  EXPECT_THAT([&] { detector(pooled).detect(images(1, 2), within(bank, left_half())); },
              Fails(ErrorKind::settings, HasSubstr("pooled_similarity")));
}

TEST(RegionOfInterest, CalibratesAndKnowsImagesByWhatIsInside) {
  const Detector judge = detector();
  const Features normals = images(5, 1);
  const ReferenceBank bank = within(judge.remember(normals), left_half());
  const auto calibration = calibrate(judge, bank, 0.05);
  ASSERT_TRUE(calibration);
  const Features query = images(2, 2);
  EXPECT_TRUE(familiarity(query, bank, calibration->familiarity)
                  .equal(familiarity(with_other_right_half(query, 9), bank, calibration->familiarity)));
  const at::Tensor own = familiarity(with_other_right_half(normals, 9), bank, calibration->familiarity);
  EXPECT_EQ(own.abs().max().item<double>(), 0.0);  // references, whatever is outside
}

}  // namespace
}  // namespace res2clip
