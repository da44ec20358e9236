#include "res2clip/image/tiles.hpp"

#include <array>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/prepare.hpp"

#include "support/fails.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

TEST(Tiles, CoverTheImageInOneSizeAndShareAQuarter) {
  for (const TileLayout layout : {TileLayout{3, 1}, TileLayout{1, 4}, TileLayout{2, 3}, TileLayout{16, 16}})
    for (const ImageSize size : {ImageSize{1250, 500}, ImageSize{401, 997}, ImageSize{256, 256}}) {
      const std::vector<Box> boxes = tile_boxes(layout, size);
      ASSERT_EQ(static_cast<std::int64_t>(boxes.size()), layout.count());
      const at::Tensor covered = at::zeros({size.height, size.width}, at::kInt);
      for (std::size_t i = 0; i < boxes.size(); ++i) {
        const Box& box = boxes[i];
        covered.narrow(0, box.y, box.height).narrow(1, box.x, box.width).add_(1);
        EXPECT_EQ(box.width, boxes[0].width);
        EXPECT_EQ(box.height, boxes[0].height);
        if (i % static_cast<std::size_t>(layout.cols) == 0) continue;
        const Box& left = boxes[i - 1];
        EXPECT_NEAR(static_cast<double>(left.x + left.width - box.x), 0.25 * static_cast<double>(box.width),
                    layout.cols)  // one tile's side is rounded up, and with it what is left to share
            << layout.rows << "x" << layout.cols;
      }
      EXPECT_GE(covered.min().item<int>(), 1);
      EXPECT_LE(covered.max().item<int>(), 4);
    }
  EXPECT_EQ(tile_boxes({1, 1}, {7, 9}), (std::vector<Box>{{0, 0, 9, 7}}));
}

TEST(Tiles, LayoutsAreNamedOrFoundFromTheImage) {
  const auto found = [](std::int64_t width, std::int64_t height, std::int64_t input) {
    const TileLayout layout = tile_layout("auto", {height, width}, input);
    return std::array{layout.rows, layout.cols};
  };
  using Counts = std::array<std::int64_t, 2>;
  EXPECT_EQ(tile_layout("3x1", {1250, 500}, 192), (TileLayout{3, 1}));
  EXPECT_EQ(found(500, 1250, 192), (Counts{3, 1}));   // an aspect of 2.5
  EXPECT_EQ(found(1600, 500, 336), (Counts{1, 3}));   // 3.2
  EXPECT_EQ(found(1000, 500, 336), (Counts{1, 1}));   // an aspect of 2 is not more than 2
  EXPECT_EQ(found(600, 600, 192), (Counts{1, 1}));    // not more than four times the input
  EXPECT_EQ(found(2688, 2688, 336), (Counts{2, 2}));  // eight times the input
  EXPECT_EQ(found(4032, 2688, 336), (Counts{2, 3}));  // and longer
  EXPECT_EQ(found(100, 9000, 336), (Counts{16, 1}));  // at most 16
  for (const char* text :
       {"", "3", "0x1", "3x", "x3", "3x1x1", "17x1", "3X1", " 3x1", "-1x2", "3,1", "auto "})
    EXPECT_THAT(
        [&] {
          tile_layout(text, {1000, 1000}, 336);
        },
        Fails(ErrorKind::settings, HasSubstr("takes ROWSxCOLUMNS")))
        << text;
  EXPECT_THAT(
      [] {
        tile_layout("8x1", {60, 60}, 336);
      },
      Fails(ErrorKind::settings, HasSubstr("tiles of less than 16 pixels")));
}

TEST(Tiles, NeedImagesOfTheReferencesAspect) {
  const Tiling tiling{{3, 1}, {1250, 500}};
  EXPECT_NO_THROW(require_aspect({2500, 1000}, tiling, "twice.png"));
  EXPECT_NO_THROW(require_aspect({1250, 505}, tiling, "near.png"));
  for (const ImageSize other : {ImageSize{500, 1250}, ImageSize{1250, 520}, ImageSize{1250, 480}})
    EXPECT_THAT([&] { require_aspect(other, tiling, "odd.png"); },
                Fails(ErrorKind::data, HasSubstr("odd.png: is ")));
}

DecodedImage some_image(std::int64_t height, std::int64_t width) {
  DecodedImage image;
  image.rgb = at::randint(0, 256, {height, width, 3}, at::kByte);
  return image;
}

TEST(Tiles, AreInputsOfTheirOwnBehindTheWholeImage) {
  const DecodedImage image = some_image(90, 40);
  const ImageOptions options{.size = 14};
  const Tiling tiling{{3, 1}, {90, 40}};
  const at::Tensor inputs = at::zeros({4, 3, 14, 14});
  prepare_inputs_into(inputs, image, options, tiling, "image");
  EXPECT_TRUE(inputs[0].equal(prepare_image(image, options)));
  const std::vector<Box> boxes = tile_boxes(tiling.layout, {90, 40});
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const at::Tensor part = image.rgb.narrow(0, boxes[i].y, boxes[i].height).contiguous();
    EXPECT_TRUE(inputs[static_cast<std::int64_t>(i) + 1].equal(prepare_image(part, options)));
  }
  const at::Tensor one = at::zeros({1, 3, 14, 14});
  prepare_inputs_into(one, image, options, Tiling{}, "image");
  EXPECT_TRUE(one[0].equal(inputs[0]));
  EXPECT_THAT([&] { prepare_inputs_into(one, image, options, tiling, "image"); },
              Fails(ErrorKind::data, HasSubstr("must be float32 [4, 3, S, S]")));
  EXPECT_THAT([&] { prepare_inputs_into(inputs, some_image(40, 90), options, tiling, "turned"); },
              Fails(ErrorKind::data, HasSubstr("turned: is 90x40")));
}

TEST(Tiles, AreStitchedWithoutSeams) {
  // A map that rises evenly over the whole image, cut and stitched, is the same map.
  const TileLayout layout{3, 2};
  const at::Tensor whole = at::arange(40.0).view({1, -1, 1}) + 100 * at::arange(28.0).view({1, 1, -1});
  std::vector<at::Tensor> tiles;
  for (std::int64_t row = 0; row < 3; ++row)
    for (std::int64_t col = 0; col < 2; ++col)
      tiles.push_back(whole.narrow(1, 12 * row, 16).narrow(2, 12 * col, 16));
  EXPECT_TRUE(stitched(tiles, layout).allclose(whole, 1e-6, 1e-4));  // sums of rounded products
  EXPECT_EQ(stitched(tiles, layout).sizes(), at::IntArrayRef({1, 40, 28}));
  // From one tile of zeros to one of ones there is no step larger than an even slope over the overlap.
  const at::Tensor mixed = stitched({at::zeros({1, 16, 16}), at::ones({1, 16, 16})}, {1, 2})[0][8];
  EXPECT_LE((mixed.slice(0, 1) - mixed.slice(0, 0, -1)).max().item<double>(), 0.21);  // 1 / (4 + 1)
  EXPECT_TRUE(mixed.slice(0, 0, 12).eq(0).all().item<bool>());
  EXPECT_TRUE(mixed.slice(0, 16).eq(1).all().item<bool>());
  const at::Tensor alone = at::rand({2, 5, 5});
  EXPECT_TRUE(stitched({alone}, {1, 1}).is_same(alone));
  EXPECT_THAT([&] { stitched({alone}, {2, 1}); }, Fails(ErrorKind::data, HasSubstr("2 maps of tiles")));
}

}  // namespace
}  // namespace res2clip
