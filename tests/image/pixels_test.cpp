// What the public functions do with tensors that are not what they ask for.
#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <limits>

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/overlay.hpp"
#include "res2clip/image/prepare.hpp"
#include "res2clip/image/region.hpp"
#include "res2clip/image/resize.hpp"
#include "res2clip/image/write.hpp"

#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& call, ErrorKind kind = ErrorKind::data) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not an error of ours: " << error.what();
    return {};
  }
  ADD_FAILURE() << "no error";
  return {};
}

std::vector<at::Tensor> no_images() {
  return {at::Tensor(),
          at::zeros({0, 0, 3}, at::kByte),
          at::zeros({5, 0, 3}, at::kByte),
          at::zeros({3, 5, 7}, at::kByte),
          at::zeros({5, 7, 2}, at::kByte),
          at::zeros({5, 7, 0}, at::kByte),
          at::zeros({7}, at::kByte),
          at::zeros({1, 5, 7, 3}, at::kByte),
          at::zeros({5, 7, 3}),
          at::zeros({5, 7, 3}, at::kLong),
          at::zeros({5, 7, 3}, at::TensorOptions(at::kByte).device(at::kMeta))};
}

TEST(PrepareImage, TakesGreyAndLeavesOpacityOut) {
  at::manual_seed(1);
  const at::Tensor grey = at::randint(0, 256, {40, 50}, at::kByte);
  const at::Tensor rgb = grey.unsqueeze(2).expand({-1, -1, 3}).contiguous();
  const at::Tensor expected = prepare_image(rgb, {.size = 28});
  EXPECT_TRUE(at::equal(prepare_image(grey, {.size = 28}), expected));
  EXPECT_TRUE(at::equal(prepare_image(grey.unsqueeze(2), {.size = 28}), expected));
  const at::Tensor rgba = at::cat({rgb, at::randint(0, 256, {40, 50, 1}, at::kByte)}, 2);
  EXPECT_TRUE(at::equal(prepare_image(rgba, {.size = 28}), expected));
  EXPECT_TRUE(
      at::equal(prepare_image(rgb.transpose(0, 1).contiguous().transpose(0, 1), {.size = 28}), expected));
}

TEST(PrepareImage, NamesTheShapeOfWhatItCannotTake) {
  for (const at::Tensor& image : no_images()) error_of([&] { prepare_image(image, {.size = 28}); });
  EXPECT_THAT(error_of([] {
                prepare_image(at::zeros({3, 5, 7}), {.size = 28});
              }),
              HasSubstr("Float [3, 5, 7] on cpu"));
  const at::Tensor image = at::zeros({5, 7, 3}, at::kByte);
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{-8}, std::int64_t{1} << 40})
    error_of([&] { prepare_image(image, {.size = size}); }, ErrorKind::settings);
}

TEST(PrepareMask, TakesNothingButAGreyImage) {
  for (const at::Tensor& mask : no_images()) error_of([&] { prepare_mask(mask, 28); });
  error_of([] { prepare_mask(at::zeros({5, 7, 3}, at::kByte), 28); });
  EXPECT_EQ(prepare_mask(at::ones({5, 7, 1}, at::kByte), 28).sum().item<int>(), 28 * 28);
}

TEST(PrepareImages, OfNoFilesAreNone) {
  EXPECT_EQ(prepare_images({}, {.size = 28}).sizes(), at::IntArrayRef({0, 3, 28, 28}));
}

TEST(Resize, TakesNothingButBytes) {
  for (const at::Tensor& image :
       {at::Tensor(), at::zeros({0, 7, 3}, at::kByte), at::zeros({5, 7, 5}, at::kByte), at::zeros({5, 7, 3}),
        at::zeros({7}, at::kByte)}) {
    error_of([&] { resize_bicubic(image, 4, 4); });
    error_of([&] { resize_bilinear(image, 4, 4); });
    error_of([&] { resize_nearest(image, 4, 4); });
    error_of([&] { resize_bicubic_premultiplied(image, at::zeros({5, 7}, at::kByte), 4, 4); });
  }
  error_of([] { resize_nearest(at::zeros({5, 7}, at::kByte), 0, 4); }, ErrorKind::settings);
}

TEST(ResizePremultiplied, WantsOpacityOfTheImagesSize) {
  EXPECT_THAT(error_of([] {
                resize_bicubic_premultiplied(at::full({10, 10, 3}, 7, at::kByte),
                                             at::full({4000, 4000}, 9, at::kByte), 5, 5);
              }),
              HasSubstr("4000 x 4000"));
}

TEST(HeatOverlay, RejectsEmptyFramesAndBrokenMaps) {
  const at::Tensor image = at::zeros({30, 40, 3}, at::kByte), map = at::rand({14, 14});
  for (const at::Tensor& broken : no_images())
    error_of([&] { heat_overlay(broken, {map, {0, 1}}, "x", {}); });
  at::Tensor nan = map.clone();
  nan[3][3] = std::numeric_limits<float>::quiet_NaN();
  for (const at::Tensor& broken :
       {at::Tensor(), at::zeros({0, 5}), at::zeros({5}), at::zeros({5, 5}, at::kDouble), nan}) {
    error_of([&] { heat_overlay(image, {broken, {0, 1}}, "x", {.outline = false}); });
    error_of([&] { heat_scale(broken, {}); });
    error_of([&] { hottest_region(broken, 30, 40, 0.5); });
  }
  error_of([&] { hottest_region(map, 0, 40, 0.5); });
  error_of([&] { heat_overlay(image, {map, {1, 1}}, "x", {}); }, ErrorKind::settings);
  EXPECT_TRUE(at::equal(heat_overlay(at::zeros({30, 40}, at::kByte), {map, {0, 1}}, "x", {}),
                        heat_overlay(image, {map, {0, 1}}, "x", {})));
}

TEST(Write, RejectsOtherTensors) {
  const testing::TemporaryFolder folder;
  for (const at::Tensor& image : no_images()) error_of([&] { write_png(folder / "x.png", image); });
  error_of([&] { write_png(folder / "x.png", at::zeros({5, 7, 4}, at::kByte)); });
  error_of([&] { write_float_map(folder / "x.npy", at::zeros({5, 7}, at::kDouble)); });
  error_of([&] { write_float_map(folder / "x.npy", at::Tensor()); });
}

TEST(Pixels, OptionsOutOfTheirRangeAreSettingsErrors) {
  const at::Tensor frame = at::zeros({5, 7, 3}, at::kByte), map = at::rand({8, 8});
  const auto refused = [&](OverlayOptions options) {
    error_of([&] { heat_overlay(frame, {map}, "x", options); }, ErrorKind::settings);
    error_of([&] { heat_scale(map, options); }, ErrorKind::settings);
  };
  refused({.opacity = 2});
  refused({.smallest_edge = 0});
  refused({.calm = std::numeric_limits<double>::quiet_NaN()});
  error_of([&] { hottest_region(map, 5, 7, std::numeric_limits<double>::quiet_NaN()); }, ErrorKind::settings);
  error_of([&] { heat_overlay(frame, {map, {0, std::numeric_limits<double>::infinity()}}, "x", {}); },
           ErrorKind::settings);
  error_of([&] { prepare_images({}, {.size = -8}); }, ErrorKind::settings);
  ImageOptions flat{.size = 14};
  flat.normalisation.deviation[1] = 0;
  error_of([&] { prepare_image(frame, flat); }, ErrorKind::settings);
}

}  // namespace
}  // namespace res2clip
