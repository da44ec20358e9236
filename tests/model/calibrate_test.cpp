#include "res2clip/model/calibrate.hpp"

#include <limits>

#include "res2clip/core/error.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 32, kPatches = 20;
const std::vector<int> kLayers = {6, 12, 18, 24};

at::Tensor unit(const at::Tensor& vectors) {
  return vectors / vectors.norm(2, {-1}, true);
}

/// Images whose patches scatter a little around those of one object, patch by patch. Another object's share
/// nothing with it.
Features images_of(int object, std::int64_t batch, std::uint64_t seed, double scatter = 0.05) {
  auto objects = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(object));
  auto noise = at::make_generator<at::CPUGeneratorImpl>(seed);
  Features features;
  features.grid = {5, 4};
  features.global = unit(at::randn({1, kWidth}, objects) + scatter * at::randn({batch, kWidth}, noise));
  for (const int layer : kLayers)
    features.patches[layer] = unit(at::randn({1, kPatches, kWidth}, objects) +
                                   scatter * at::randn({batch, kPatches, kWidth}, noise));
  return features;
}

Detector detector() {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  ModelCard card;
  card.sizes.vision_layers = 24;
  card.sizes.patch_size = 7;
  return {text_anchors(at::randn({3, kWidth}, generator), at::randn({2, kWidth}, generator), TextOptions{}),
          card, DetectorOptions{}};
}

TEST(Calibrate, ScoresEachReferenceAgainstTheOthers) {
  const Detector judge = detector();
  const Features normals = images_of(1, 5, 2);
  const auto calibration = calibrate(judge, judge.remember(normals), 0.05);
  ASSERT_TRUE(calibration);
  ASSERT_EQ(calibration->references.size(), 5U);
  double highest = 0;
  for (std::int64_t shot = 0; shot < 5; ++shot) {
    std::vector<std::int64_t> others;
    for (std::int64_t other = 0; other < 5; ++other)
      if (other != shot) others.push_back(other);
    Features one = normals, rest = normals;
    const at::Tensor rows = at::tensor(others);
    one.global = normals.global.narrow(0, shot, 1);
    rest.global = normals.global.index_select(0, rows);
    for (const int layer : kLayers) {
      one.patches[layer] = normals.patches.at(layer).narrow(0, shot, 1);
      rest.patches[layer] = normals.patches.at(layer).index_select(0, rows);
    }
    const Detection found = judge.detect(one, judge.remember(rest));
    const ReferenceScore& reference = calibration->references[static_cast<std::size_t>(shot)];
    EXPECT_EQ(reference.shot, shot);
    EXPECT_EQ(reference.score, found.score.item<double>());
    EXPECT_EQ(reference.peak, found.map.max().item<double>());
    highest = std::max(highest, reference.score);
  }
  EXPECT_EQ(calibration->threshold, highest);
}

TEST(Calibrate, LeavesTheColoursToTheOthersIfOneReferenceIsOdd) {
  const Detector judge = detector();
  const Features odd = concatenate({images_of(1, 7, 2), images_of(2, 1, 3)});
  const auto with = calibrate(judge, judge.remember(odd), 0.05);
  const auto without = calibrate(judge, judge.remember(images_of(1, 7, 2)), 0.05);
  ASSERT_TRUE(with && without);
  EXPECT_GT(with->threshold, without->threshold) << "the promise counts all references";
  EXPECT_GT(with->references[7].peak, 1.5 * with->map_threshold);
  EXPECT_NEAR(with->map_threshold, without->map_threshold, 0.2 * without->map_threshold);
}

TEST(Calibrate, NeedsFourReferences) {
  const Detector judge = detector();
  EXPECT_FALSE(calibrate(judge, judge.remember(images_of(1, 3, 2)), 0.05));
  EXPECT_TRUE(calibrate(judge, judge.remember(images_of(1, 4, 2)), 0.05));
}

TEST(Calibrate, ComparesSomeOfManyReferencesWithAllOthers) {
  const Detector judge = detector();
  const auto calibration = calibrate(judge, judge.remember(images_of(1, 100, 2)), 0.05);
  ASSERT_TRUE(calibration);
  ASSERT_EQ(static_cast<std::int64_t>(calibration->references.size()), kMostCompared);
  EXPECT_EQ(calibration->references.back().shot, 98);
}

TEST(Calibrate, RefusesScoresThatAreNoNumbers) {
  const Detector judge = detector();
  Features normals = images_of(1, 5, 2);
  normals.patches[12][3][0].fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT([&] { calibrate(judge, judge.remember(normals), 0.05); },
              Fails(ErrorKind::data, HasSubstr("not finite")));
}

TEST(Familiarity, CountsPatchesWithoutANeighbourInBothDirections) {
  const Detector judge = detector();
  const ReferenceBank bank = judge.remember(images_of(1, 4, 2, 0.0));
  const FamiliarityLimits limits{12, 0.3, 0.5, 0.5};
  Features query = images_of(1, 2, 3, 0.0);
  // Of the second image five patches are another object's, and the rest one patch of the first again.
  query.patches[12][1] = query.patches[12][1][0].expand({kPatches, kWidth}).clone();
  query.patches[12][1].narrow(0, 0, 5) = images_of(2, 1, 3, 0.0).patches.at(12)[0].narrow(0, 0, 5);
  const at::Tensor shares = familiarity(query, bank, limits);
  EXPECT_TENSORS_NEAR(shares[0], at::zeros({2}), 0.0);
  EXPECT_EQ(shares[1][0].item<float>(), 0.25f);
  EXPECT_EQ(shares[1][1].item<float>(), 0.95f);
  query.patches.erase(12);
  EXPECT_THAT([&] { familiarity(query, bank, limits); }, Fails(ErrorKind::data, HasSubstr("lack layer 12")));
}

TEST(Judging, CallsAnotherObjectUnknownAndADefectAnomalous) {
  const Detector judge_of = detector();
  ReferenceBank bank = judge_of.remember(images_of(1, 8, 2));
  const auto calibration = calibrate(judge_of, bank, 0.05);
  ASSERT_TRUE(calibration);
  const auto verdict = [&](const Features& query) {
    const at::Tensor shares = familiarity(query, bank, calibration->familiarity);
    return judge(judge_of.detect(query, bank).score.item<double>(), calibration->threshold,
                 shares[0][0].item<double>(), shares[0][1].item<double>(), calibration->familiarity);
  };
  const Judgement other = verdict(images_of(2, 1, 9));
  EXPECT_EQ(other.verdict, Verdict::unknown);
  EXPECT_THAT(other.reason, HasSubstr("100 % of its patches"));
  Features empty = images_of(1, 1, 9);
  for (auto& [layer, patches] : empty.patches)
    patches = patches.narrow(1, 0, 1).expand({1, kPatches, kWidth}).clone();
  EXPECT_THAT(verdict(empty).reason, HasSubstr("lacks"));
  Features defect = images_of(1, 1, 9);
  for (auto& [layer, patches] : defect.patches)
    patches.narrow(1, 3, 1) = images_of(2, 1, 9).patches.at(layer).narrow(1, 3, 1);
  EXPECT_EQ(verdict(defect).verdict, Verdict::anomalous);
  EXPECT_EQ(verdict(images_of(1, 1, 9, 0.04)).verdict, Verdict::good);
}

TEST(Judging, NeverCallsWhatIsNoNumberGood) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const FamiliarityLimits limits{12, 0.3, 0.5, 0.5};
  EXPECT_EQ(judge(nan, 1.0).verdict, Verdict::unknown);
  EXPECT_EQ(judge(0.5, 1.0, nan, 0.0, limits).verdict, Verdict::unknown);
  EXPECT_EQ(judge(0.5, 1.0, 0.0, nan, limits).verdict, Verdict::unknown);
  EXPECT_EQ(judge(0.5, 1.0, 0.5, 0.5, limits).verdict, Verdict::good) << "at the limits";
  EXPECT_EQ(judge(1.5, 1.0, 0.5, 0.5, limits).verdict, Verdict::anomalous);
}

}  // namespace
}  // namespace res2clip
