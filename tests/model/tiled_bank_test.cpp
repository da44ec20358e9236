#include <ATen/TensorOperators.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/model/branches.hpp"
#include "res2clip/model/calibrate.hpp"
#include "res2clip/model/detector.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 32, kPatchSize = 8;
constexpr Grid kGrid{4, 4};
const std::vector<int> kLayers = {6, 12, 18, 24};
const Tiling kThree{{3, 1}, {1250, 500}};
const Tiling kThreeInCommon{{3, 1}, {1250, 500}, true};

at::Tensor unit(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, {-1}, true);
}

/// Features of this many inputs.
Features inputs(std::int64_t count, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  Features features;
  features.grid = kGrid;
  features.global = unit(at::randn({count, kWidth}, generator));
  for (const int layer : kLayers)
    features.patches[layer] = unit(at::randn({count, kGrid.size(), kWidth}, generator));
  return features;
}

Detector detector() {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  ModelCard card;
  card.sizes.vision_layers = 24;
  card.sizes.patch_size = kPatchSize;
  return {text_anchors(at::randn({3, kWidth}, generator), at::randn({2, kWidth}, generator), TextOptions{}),
          card, DetectorOptions{}};
}

void expect_same_bits(const Detection& one, const Detection& other) {
  EXPECT_TRUE(one.score.equal(other.score));
  EXPECT_TRUE(one.text_score.equal(other.text_score));
  EXPECT_TRUE(one.residual_score.equal(other.residual_score));
  EXPECT_TRUE(one.map.equal(other.map));
  EXPECT_TRUE(one.visual_map.equal(other.visual_map));
}

TEST(TiledBank, ComparesEachPlaceWithItsOwnAndStitchesTheMaps) {
  const Detector judge = detector();
  const Features normals = inputs(5 * 4, 1), query = inputs(2 * 4, 2);
  const Detection found = judge.detect_inputs(query, judge.remember(normals, kThree));
  std::vector<at::Tensor> maps, visual;
  const Detection whole =
      judge.detect(input_of_each(query, 4, 0), judge.remember(input_of_each(normals, 4, 0)));
  at::Tensor text_global = whole.text_global, residual_global = whole.residual_global;
  for (std::int64_t place = 1; place < 4; ++place) {
    const Detection tile =
        judge.detect(input_of_each(query, 4, place), judge.remember(input_of_each(normals, 4, place)));
    maps.push_back(tile.map);
    visual.push_back(tile.visual_map);
    text_global = at::maximum(text_global, tile.text_global);
    residual_global = at::maximum(residual_global, tile.residual_global);
  }
  EXPECT_EQ(found.map.sizes(), at::IntArrayRef({2, 32 + 2 * 24, 32}));
  EXPECT_TRUE(found.map.equal(stitched(maps, kThree.layout)));
  EXPECT_TRUE(found.visual_score.equal(top_mean(stitched(visual, kThree.layout), 0.01)));
  EXPECT_TRUE(found.text_global.equal(text_global));
  EXPECT_TRUE(found.residual_global.equal(residual_global));
  EXPECT_TRUE(found.text_score.equal(image_score(text_global, top_mean(found.text_map, 0.01))));
  const BranchWeights weights = ScoringOptions{}.training_free.image;
  EXPECT_TRUE(found.score.equal(fuse(weights, found.text_score, found.visual_score, found.residual_score)));
}

TEST(TiledBank, OfOneTileLeavesEveryBit) {
  const Detector judge = detector();
  const ReferenceBank plain = judge.remember(inputs(3, 1)), one = judge.remember(inputs(3, 1), Tiling{});
  EXPECT_FALSE(one.tiling);
  EXPECT_EQ(bytes_of_bank(plain), bytes_of_bank(one));
  expect_same_bits(judge.detect(inputs(2, 2), plain), judge.detect_inputs(inputs(2, 2), one));
}

TEST(TiledBank, InCommonComparesTilesWithThoseOfAllPlaces) {
  const Detector judge = detector();
  const Features normals = inputs(3 * 4, 1);
  // The second place of an image looks like the third of a reference.
  Features query = inputs(4, 2);
  for (const int layer : kLayers) query.patches[layer][2].copy_(normals.patches.at(layer)[3]);
  const auto middle = [&](const Tiling& tiling) {
    return judge.detect_inputs(query, judge.remember(normals, tiling)).visual_map[0].slice(0, 33, 47).max();
  };
  // Not 0: sparsemax gives a share to further references.
  EXPECT_LT(2 * middle(kThreeInCommon).item<double>(), middle(kThree).item<double>());
}

TEST(TiledBank, LeavesAReferenceOutOfAllPlaces) {
  const Detector judge = detector();
  const Features normals = inputs(5 * 4, 1);
  for (const Tiling& tiling : {kThree, kThreeInCommon}) {
    const ReferenceBank bank = judge.remember(normals, tiling);
    const auto calibration = calibrate(judge, bank, 0.05);
    ASSERT_TRUE(calibration);
    for (std::int64_t shot = 0; shot < 5; ++shot) {
      std::vector<Features> others;
      Features own = normals;
      const auto rows = [&](std::int64_t first) {
        Features part = normals;
        part.global = normals.global.narrow(0, first, 4);
        for (const int layer : kLayers) part.patches[layer] = normals.patches.at(layer).narrow(0, first, 4);
        return part;
      };
      for (std::int64_t other = 0; other < 5; ++other)
        if (other != shot) others.push_back(rows(4 * other));
      const Detection found =
          judge.detect_inputs(rows(4 * shot), judge.remember(concatenate(others), tiling));
      EXPECT_EQ(calibration->references[static_cast<std::size_t>(shot)].score, found.score.item<double>());
      EXPECT_EQ(calibration->references[static_cast<std::size_t>(shot)].peak, found.map.max().item<double>());
    }
    const Features query = inputs(2 * 4, 3);
    EXPECT_TRUE(
        familiarity(query, bank, calibration->familiarity)
            .equal(familiarity(input_of_each(query, 4, 0), judge.remember(input_of_each(normals, 4, 0)),
                               calibration->familiarity)));
  }
}

TEST(TiledBank, IsKeptInItsFileAndPutTogetherAndParted) {
  const Detector judge = detector();
  const Features query = inputs(2 * 4, 9);
  for (const Tiling& tiling : {kThree, kThreeInCommon}) {
    ReferenceBank bank = judge.remember(inputs(4 * 4, 1), tiling);
    bank.origin = {"checksum", {}, {"a", "b", "c", "d"}};
    const ReferenceBank read = bank_of_bytes(bytes_of_bank(bank), "tiled.bank");
    ASSERT_TRUE(read.tiling);
    EXPECT_EQ(read.tiling->common, tiling.common);
    EXPECT_EQ(read.tiling->size.height, 1250);
    expect_same_bits(judge.detect_inputs(query, bank), judge.detect_inputs(query, read));
    const std::vector<std::int64_t> first{0, 1}, last{2, 3};
    expect_same_bits(judge.detect_inputs(query, bank),
                     judge.detect_inputs(query, concatenate({selected(bank, first), selected(bank, last)})));
    ReferenceBank other = bank;
    other.tiling->size.width = 501;
    EXPECT_THAT([&] { concatenate({bank, other}); }, Fails(ErrorKind::data, HasSubstr("tiles")));
  }
}

TEST(TiledBank, WhoseFileLacksATileIsRefused) {
  const Detector judge = detector();
  ReferenceBank bank = judge.remember(inputs(4 * 4, 1), kThree);
  const auto refused = [&](const ReferenceBank& damaged) {
    EXPECT_THAT([&] { bank_of_bytes(bytes_of_bank(damaged), "x.bank"); },
                Fails(ErrorKind::data, HasSubstr("x.bank: is not a complete reference bank")));
  };
  EXPECT_NO_THROW(bank_of_bytes(bytes_of_bank(bank), "x.bank"));
  ReferenceBank damaged = bank;
  damaged.tiles.pop_back();
  refused(damaged);
  damaged = bank;
  damaged.tiles[1] = judge.remember(inputs(3, 4));
  refused(damaged);
  damaged = bank;
  damaged.tiles[1].patches.erase(12);
  refused(damaged);
  damaged = bank;
  damaged.tiling.reset();
  refused(damaged);
  damaged = bank;
  damaged.tiling->layout = {2, 1};
  refused(damaged);
}

TEST(TiledBank, IsComparedWithTheInputsOfImagesAlone) {
  const Detector judge = detector();
  const ReferenceBank bank = judge.remember(inputs(4 * 4, 1), kThree);
  EXPECT_THAT([&] { judge.detect(inputs(4, 2), bank); },
              Fails(ErrorKind::data, HasSubstr("this bank has tiles")));
  EXPECT_THAT([&] { judge.detect_inputs(inputs(6, 2), bank); },
              Fails(ErrorKind::data, HasSubstr("each image has 4")));
  EXPECT_THAT([&] { judge.remember(inputs(6, 2), kThree); },
              Fails(ErrorKind::data, HasSubstr("have 4 inputs each")));
  EXPECT_THAT(
      [&] {
        within(bank, at::zeros({32, 32}, at::kBool));
      },
      Fails(ErrorKind::settings, HasSubstr("not supported with tiles")));
}

}  // namespace
}  // namespace res2clip
