#include "res2clip/image/region_mask.hpp"

#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/region.hpp"
#include "res2clip/image/write.hpp"

#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Regions = std::vector<std::string>;

constexpr ImageSize kImage{100, 200};  // height, width

at::Tensor mask_of(const Regions& inside, const Regions& ignored = {}) {
  return region_mask(inside, ignored, kImage, 20, 20);  // a pixel is 10 x 5 of the image
}

at::Tensor block(std::int64_t top, std::int64_t below, std::int64_t left, std::int64_t right) {
  at::Tensor mask = at::zeros({20, 20}, at::kBool);
  mask.slice(0, top, below).slice(1, left, right).fill_(true);
  return mask;
}

TEST(RegionMask, OfARectangleHasThePixelsWhoseCentresItHolds) {
  EXPECT_TRUE(mask_of({"20,10,60,40"}).equal(block(2, 10, 2, 8)));
  EXPECT_TRUE(mask_of({"25.5,10,50,40"}).equal(block(2, 10, 3, 8)));
  EXPECT_TRUE(mask_of({"10%,10%,30%,40%"}).equal(block(2, 10, 2, 8)));
  EXPECT_TRUE(mask_of({"0,0,200,100"}).all().item<bool>());
}

TEST(RegionMask, OfAPolygonFollowsItsEdges) {
  EXPECT_TRUE(mask_of({"20,10 80,10 80,50 20,50"}).equal(mask_of({"20,10,60,40"})));
  const at::Tensor triangle = mask_of({"0,0 200,0 0,100"});
  for (std::int64_t y = 0; y < 20; ++y)
    for (std::int64_t x = 0; x < 20; ++x)
      if (x + y != 19) {
        EXPECT_EQ(triangle[y][x].item<bool>(), x + y < 19) << x << ", " << y;
      }
}

TEST(RegionMask, OfAnImageIsWhereItIsNotBlack) {
  const TemporaryFolder folder;
  at::Tensor pixels = at::zeros({100, 200, 3}, at::kByte);
  pixels.slice(0, 10, 50).slice(1, 20, 80).fill_(1);
  write_png(folder / "mask.png", pixels);
  EXPECT_TRUE(mask_of({(folder / "mask.png").string()}).equal(block(2, 10, 2, 8)));
  write_png(folder / "small.png", pixels.slice(0, 0, 50).contiguous());
  EXPECT_THAT([&] { mask_of({(folder / "small.png").string()}); },
              Fails(ErrorKind::data, HasSubstr("200x50 pixels large, the images are 200x100")));
  EXPECT_THAT([&] { mask_of({(folder / "none.png").string()}); },
              Fails(ErrorKind::data, HasSubstr("none.png")));
}

TEST(RegionMask, JoinsRegionsAndTakesIgnoredOnesOut) {
  EXPECT_TRUE(
      mask_of({"0,0,20,10", "180,90,20,10"}).equal(block(0, 2, 0, 2).logical_or(block(18, 20, 18, 20))));
  EXPECT_TRUE(mask_of({}, {"0,0,20,10"}).equal(block(0, 2, 0, 2).logical_not()));
  EXPECT_TRUE(mask_of({"0,0,40,10"}, {"20,0,180,100"}).equal(block(0, 2, 0, 2)));
}

TEST(RegionMask, RefusesWhatIsNoRegionAndWhatReachesOut) {
  for (const char* text :
       {"", "1,2,3", "1,2,3,4,5", "1,2 3,4", "1,2 3,4 5", "1,,3,4", "1,2,3,4,", "1%%,2,3,4"})
    EXPECT_THAT([&] { mask_of({text}); }, Fails(ErrorKind::settings, HasSubstr("x,y,w,h"))) << text;
  for (const char* text : {"150,0,51,10", "-1,0,10,10", "0,90,10,11", "0,0,101%,10", "0,0 201,0 0,9"})
    EXPECT_THAT([&] { mask_of({text}); }, Fails(ErrorKind::settings, HasSubstr("reaches out of the image")))
        << text;
  EXPECT_THAT([&] { mask_of({"0,0,0,10"}); }, Fails(ErrorKind::settings, HasSubstr("must be above 0")));
  EXPECT_THAT([&] { mask_of({}, {"0,0,200,100"}); }, Fails(ErrorKind::settings, HasSubstr("is empty")));
}

TEST(HottestRegion, LiesInsideAndIsMeasuredInside) {
  at::Tensor map = at::zeros({10, 10});
  map.slice(1, 0, 5).fill_(9.0);  // outside
  map[4][5] = 1.0;
  map[4][6] = 0.8;
  const at::Tensor inside = at::zeros({10, 10}, at::kBool);
  inside.slice(1, 5, 10).fill_(true);
  const HottestRegion region = hottest_region(map, 10, 10, 0.5, inside);
  EXPECT_EQ(region.box, (Box{5, 4, 2, 1}));
  EXPECT_DOUBLE_EQ(region.peak, 1.0);
  EXPECT_DOUBLE_EQ(region.threshold, 0.5);  // the median inside is 0
  EXPECT_EQ(hottest_region(at::zeros({10, 10}), 10, 10, 0.5, inside).box, (Box{5, 0, 5, 10}));
  const auto all = regions_reaching(map, 10, 10, 0.9, inside);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].box, (Box{5, 4, 1, 1}));
  EXPECT_EQ(regions_reaching(map, 10, 10, -5.0, inside).at(0).area, 50);
  EXPECT_THAT([&] { hottest_region(map, 10, 10, 0.5, inside.slice(0, 0, 5)); },
              Fails(ErrorKind::data, HasSubstr("`inside` must be bool")));
  const HottestRegion whole = hottest_region(map, 10, 10, 0.5),
                      same = hottest_region(map, 10, 10, 0.5, at::ones_like(inside));
  EXPECT_EQ(whole.box, same.box);
  EXPECT_EQ(whole.threshold, same.threshold);
}

}  // namespace
}  // namespace res2clip
