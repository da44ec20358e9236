#include "res2clip/image/overlay.hpp"

#include <cmath>

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/region.hpp"

namespace res2clip {
namespace {

/// Zero, but `value` in rows and columns [first, last).
at::Tensor map_with_square(std::int64_t size, std::int64_t first, std::int64_t last, double value) {
  at::Tensor map = at::zeros({size, size});
  map.slice(0, first, last).slice(1, first, last).fill_(value);
  return map;
}

TEST(HottestRegion, IsTheBoxAroundTheMaximumInPixelsOfTheImage) {
  at::Tensor map = map_with_square(10, 2, 4, 1.0);
  map[8][8] = 0.9;  // hot as well, but apart from the maximum
  const HottestRegion region = hottest_region(map, 200, 100, 0.5);
  EXPECT_EQ(region.box, (Box{20, 40, 20, 40}));
  EXPECT_DOUBLE_EQ(region.peak, 1.0);
  EXPECT_DOUBLE_EQ(region.threshold, 0.5);
  EXPECT_EQ(region.mask.sum().item<int>(), 4);
}

TEST(HottestRegion, JoinsPixelsThatTouchAtACorner) {
  at::Tensor map = at::zeros({6, 6});
  map[1][1] = 1.0;
  map[2][2] = 0.6;
  EXPECT_EQ(hottest_region(map, 6, 6, 0.5).box, (Box{1, 1, 2, 2}));
}

TEST(HottestRegion, OfAConstantMapIsTheWholeImage) {
  EXPECT_EQ(hottest_region(at::full({5, 5}, 0.25), 31, 17, 0.5).box, (Box{0, 0, 17, 31}));
}

TEST(HottestRegion, TakesTheFirstOfSeveralEqualMaxima) {
  at::Tensor map = at::zeros({9, 9});
  map[1][6] = 1.0;
  map[6][1] = 1.0;
  EXPECT_EQ(hottest_region(map, 9, 9, 0.5).box, (Box{6, 1, 1, 1}));
}

TEST(HottestRegion, RoundsOutwardsAndStaysInside) {
  const HottestRegion region = hottest_region(map_with_square(3, 2, 3, 1.0), 10, 10, 0.5);
  EXPECT_EQ(region.box, (Box{6, 6, 4, 4}));
}

TEST(HottestRegion, RefusesNaN) {
  at::Tensor map = at::zeros({4, 4});
  map[0][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(hottest_region(map, 4, 4, 0.5), Error);
}

TEST(RegionsReaching, GivesEachRegionTheHottestFirst) {
  at::Tensor map = at::zeros({10, 20});
  map.slice(0, 1, 3).slice(1, 2, 5).fill_(0.5);
  map[6][10] = 2.0;
  map[7][11] = 1.0;  // touches at a corner
  map[6][15] = 0.49;
  const std::vector<MapRegion> regions = regions_reaching(map, 20, 60, 0.5);
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0], (MapRegion{{30, 12, 6, 4}, 2.0, 1.5, 12}));
  EXPECT_EQ(regions[1], (MapRegion{{6, 2, 9, 4}, 0.5, 0.5, 36}));
}

TEST(RegionsReaching, TheHottestHoldsTheBoxOfTheHottestRegionAtItsThreshold) {
  at::manual_seed(7);
  const at::Tensor map = at::rand({23, 31});
  const HottestRegion hottest = hottest_region(map, 100, 57, 0.7);
  const std::vector<MapRegion> regions = regions_reaching(map, 100, 57, hottest.threshold);
  EXPECT_EQ(regions.front().box, hottest.box);
  EXPECT_EQ(regions.front().peak, hottest.peak);
  std::int64_t area = 0;
  for (const MapRegion& region : regions) area += region.area;
  const double share = map.ge(hottest.threshold).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(static_cast<double>(area), share * 100 * 57, 0.5 * static_cast<double>(regions.size()));
}

TEST(RegionsReaching, OfACalmMapThereAreNone) {
  EXPECT_TRUE(regions_reaching(at::zeros({5, 5}), 10, 10, 0.1).empty());
  EXPECT_THROW(regions_reaching(at::zeros({5, 5}), 0, 10, 0.1), Error);
  EXPECT_THROW(regions_reaching(at::zeros({5, 5}), 10, 10, std::nan("")), Error);
}

const OverlayOptions kPlain{.outline = false, .side_by_side = false, .smallest_edge = 1};

TEST(HeatOverlay, LeavesCalmPixelsAsTheyAre) {
  const at::Tensor image = at::randint(0, 256, {40, 60, 3}, at::kByte);
  EXPECT_TRUE(at::equal(heat_overlay(image, {at::zeros({20, 20})}, "", kPlain), image));
}

TEST(HeatOverlay, ChangesHotPixelsOnly) {
  const at::Tensor image = at::full({40, 40, 3}, 90, at::kByte);
  const at::Tensor shown = heat_overlay(image, {map_with_square(40, 10, 20, 1.0)}, "", kPlain);
  EXPECT_EQ(shown.sizes(), image.sizes());
  const at::Tensor changed = shown.ne(image).any(2);
  EXPECT_TRUE(changed[15][15].item<bool>());
  EXPECT_EQ(changed.sum().item<int>(), 100);
}

TEST(HottestRegion, ShrinksToWhatReachesTheFractionAskedFor) {
  at::Tensor map = map_with_square(20, 4, 12, 0.5);
  map.slice(0, 6, 8).slice(1, 6, 8).fill_(1.0);
  EXPECT_EQ(hottest_region(map, 20, 20, 0.5).box, (Box{4, 4, 8, 8}));
  EXPECT_EQ(hottest_region(map, 20, 20, 0.95).box, (Box{6, 6, 2, 2}));
}

/// The box of the pixels that differ between two images.
Box changed_box(const at::Tensor& before, const at::Tensor& after) {
  const at::Tensor changed = before.ne(after).any(2);
  const at::Tensor rows = changed.any(1).nonzero().flatten(), columns = changed.any(0).nonzero().flatten();
  const auto first = [](const at::Tensor& indices) { return indices[0].item<std::int64_t>(); };
  const auto length = [](const at::Tensor& indices) {
    return (indices[-1] - indices[0]).item<std::int64_t>() + 1;
  };
  return {first(columns), first(rows), length(columns), length(rows)};
}

TEST(HeatOverlay, OutlinesTheRegionThatItIsGiven) {
  const at::Tensor image = at::full({100, 100, 3}, 90, at::kByte);
  const at::Tensor map = map_with_square(100, 40, 60, 1.0);
  OverlayOptions options = kPlain;
  options.opacity = 0.0;
  const HeatLayer heat{map, {}, map_with_square(100, 20, 50, 1).to(at::kByte)};
  EXPECT_TRUE(at::equal(heat_overlay(image, heat, "", options), image)) << "outline is off";
  options.outline = true;
  EXPECT_TRUE(at::equal(heat_overlay(image, {map}, "", options), image)) << "nothing is outlined";
  const at::Tensor shown = heat_overlay(image, heat, "", options);
  const Box line =
      changed_box(image, shown);  // on the region's edge; its dark rim reaches two pixels further
  EXPECT_NEAR(line.x, 20, 3);
  EXPECT_NEAR(line.y, 20, 3);
  EXPECT_NEAR(line.x + line.width, 50, 3);
  EXPECT_NEAR(line.y + line.height, 50, 3);
  EXPECT_TRUE(at::equal(shown[35][35], image[35][35]));
  const auto grey = [&](int y) { return shown[y][35][0].item<int>(); };
  EXPECT_EQ(grey(20), 255) << "a light line on the region's edge";
  EXPECT_LT(grey(19), 90) << "and a dark rim to both sides";
  EXPECT_LT(grey(21), 90);
}

TEST(HeatOverlay, OutlinesEveryPieceOfARaggedRegion) {
  const at::Tensor image = at::full({90, 90, 3}, 90, at::kByte);
  at::Tensor region = at::zeros({90, 90}, at::kByte);
  for (int y = 5; y < 90; y += 10)
    for (int x = 5; x < 90; x += 10) region[y][x] = 1;
  OverlayOptions options = kPlain;
  options.opacity = 0.0;
  options.outline = true;
  const at::Tensor shown = heat_overlay(image, {at::zeros({90, 90}), {}, region}, "", options);
  EXPECT_TRUE(at::equal(shown.select(2, 0).eq(255).to(at::kByte), region));
  EXPECT_EQ(shown[10][10][0].item<int>(), 90) << "between the pieces";
}

TEST(HeatOverlay, BesideTheOriginalHasRoomForBothAndACaption) {
  const at::Tensor image = at::full({300, 200, 3}, 90, at::kByte);
  OverlayOptions options;
  options.smallest_edge = 1;
  const at::Tensor panel =
      heat_overlay(image, {at::zeros({50, 50})}, "caption with \xc3\xa9 and more than fits in it", options);
  EXPECT_GT(panel.size(0), 300);
  EXPECT_GT(panel.size(1), 400);
  EXPECT_TRUE(at::equal(panel.slice(0, 8, 308).slice(1, 8, 208), image));
}

TEST(HeatOverlay, EnlargesSmallPicturesByAWholeFactor) {
  const at::Tensor shown = heat_overlay(at::full({100, 130, 3}, 90, at::kByte), {at::zeros({20, 20})}, "",
                                        {.side_by_side = false, .smallest_edge = 256});
  EXPECT_EQ(shown.sizes(), at::IntArrayRef({300, 390, 3}));
}

TEST(HeatOverlay, IsNeverLongerThanItsLimit) {
  const auto shown = [](std::int64_t height, std::int64_t width, const OverlayOptions& options) {
    return heat_overlay(at::full({height, width, 3}, 90, at::kByte), {at::zeros({20, 20})}, "x", options);
  };
  OverlayOptions alone;
  alone.side_by_side = false;
  for (const auto& [height, width] :
       {std::pair<int, int>{64, 8192}, {8192, 64}, {5000, 5000}, {1, 9000}, {2048, 4096}, {2100, 4096}})
    for (const auto& options : {OverlayOptions{}, alone}) {
      const at::Tensor panel = shown(height, width, options);
      EXPECT_LE(std::max(panel.size(0), panel.size(1)), kLongestOverlay) << height << " x " << width;
    }
  EXPECT_EQ(shown(5000, 2500, alone).sizes(), at::IntArrayRef({4096, 2048, 3}));
}

TEST(HeatOverlay, StacksWidePictures) {
  const at::Tensor image = at::full({300, 700, 3}, 90, at::kByte);
  OverlayOptions options;
  options.smallest_edge = 1;
  options.outline = false;
  const at::Tensor panel = heat_overlay(image, {at::zeros({50, 50})}, "", options);
  EXPECT_EQ(panel.size(1), 8 + 700 + 8);
  EXPECT_TRUE(at::equal(panel.slice(0, 8, 308).slice(1, 8, 708), image));
  EXPECT_TRUE(at::equal(panel.slice(0, 316, 616).slice(1, 8, 708), image));
}

TEST(HeatOverlay, WritesOneQuestionMarkForALetterThatItCannotDraw) {
  const at::Tensor image = at::full({300, 600, 3}, 90, at::kByte);
  const auto with_caption = [&](const std::string& caption) {
    return heat_overlay(image, {at::zeros({50, 50})}, caption, {});
  };
  EXPECT_TRUE(at::equal(with_caption("Pr\xc3\xbc"
                                     "fteil \xe9\x9b\xb6\xe4\xbb\xb6"),
                        with_caption("Pr?fteil ??")));
  EXPECT_FALSE(at::equal(with_caption("Pr?fteil ??"), with_caption("Pr??fteil ??")));
}

TEST(HeatScale, ReachesTheMaximumOrHalfAsFarAgainAsGoodParts) {
  OverlayOptions options;
  options.calm = 1.0;
  const HeatScale calm = heat_scale(map_with_square(20, 2, 4, 0.75), options);
  EXPECT_EQ(calm.low, 0.0);
  EXPECT_EQ(calm.high, 1.5);
  EXPECT_EQ(heat_scale(map_with_square(20, 2, 4, 2.5), options).high, 2.5);
  const HeatScale constant = heat_scale(at::full({4, 4}, 3.0), options);
  EXPECT_LT(constant.low, constant.high);
}

TEST(HeatOverlay, DrawsTinyPicturesAndConstantMaps) {
  const at::Tensor shown =
      heat_overlay(at::zeros({1, 1, 3}, at::kByte), {at::ones({1, 1}), {0.0, 2.0}}, "x", {});
  EXPECT_GT(shown.numel(), 0);
}

TEST(HeatOverlay, NeedsARisingScale) {
  EXPECT_THROW(heat_overlay(at::zeros({4, 4, 3}, at::kByte), {at::zeros({4, 4}), {1.0, 1.0}}, "", kPlain),
               Error);
}

}  // namespace
}  // namespace res2clip
