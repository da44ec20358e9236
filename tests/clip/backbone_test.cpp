#include "res2clip/clip/backbone.hpp"

#include <cmath>
#include <cstdio>
#include <gmock/gmock.h>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "res2clip/core/error.hpp"

#include "clip/tiny_backbone.hpp"
#include "support/devices.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using testing::Goldens;
using ::testing::HasSubstr;
using testing::tiny_backbone;

// Both of the fixture table, for L2-normalised features; their float64 difference is 2.2e-7.
constexpr double kUnitTolerance = 3e-6;

at::Tensor unit(const at::Tensor& x) {
  return x / x.norm(2, -1, true);
}

/// Features as returned by the authors' model (class token first, not normalised), for every size and layer
/// in a file.
void expect_golden_features(const Path& path, c10::Device device) {
  const auto goldens = Goldens::read(path);
  const auto backbone = tiny_backbone(device);
  int compared = 0;
  for (const int size : {56, 70, 98}) {
    const std::string s = std::to_string(size);
    if (!goldens.has("in_" + s)) continue;
    std::vector<int> layers;
    for (int layer = 1; layer <= 24; ++layer)
      if (goldens.has("patch_" + s + "_l" + std::to_string(layer))) layers.push_back(layer);
    for (const auto& features :
         {backbone.encode(goldens["in_" + s], layers), backbone.encode_plain(goldens["in_" + s], layers)}) {
      EXPECT_TENSORS_NEAR(features.global, unit(goldens["global_" + s]), kUnitTolerance);
      for (const int layer : layers) {
        const auto expected = unit(goldens["patch_" + s + "_l" + std::to_string(layer)].slice(1, 1));
        EXPECT_TENSORS_NEAR(features.patches.at(layer), expected, kUnitTolerance)
            << "size " << s << " layer " << layer;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 0);
}

class BackboneOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, BackboneOn, testing::kDevices, testing::device_name);

TEST_P(BackboneOn, FeaturesEqualTheAuthors) {
  expect_golden_features(testing::test_data("generated/backbone_tiny.pt"), device());
}

TEST_P(BackboneOn, FeaturesEqualTheAuthorsOnTheFullSet) {
  if (!testing::full_fixtures()) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_golden_features(*testing::full_fixtures() / "backbone_tiny.pt", device());
}

// How far the settings of reduced precision take features from the goldens: printed, and bounded by what the
// formats can do (10 and 7 bits after the leading one, through 24 blocks).
TEST_P(BackboneOn, ReducedPrecisionStaysNearTheAuthorsFeatures) {
  if (device().is_cpu()) GTEST_SKIP() << "of processors: reduced_tower_test.cpp";
  const auto goldens = Goldens::read(testing::test_data("generated/backbone_tiny.pt"));
  const auto expected = unit(goldens["patch_70_l24"].slice(1, 1));
  for (const auto& [precision, bound] :
       {std::pair{Precision::tf32, 5e-3}, std::pair{Precision::bf16, 4e-2}}) {
    const auto features = tiny_backbone(device(), precision).encode(goldens["in_70"], std::vector<int>{24});
    const double found = testing::largest_difference(features.patches.at(24), expected);
    std::printf("%s: patch features of layer 24 differ by at most %.2g\n",
                std::string(name_of(precision)).c_str(), found);
    EXPECT_LE(found, bound);
    EXPECT_GT(found, 0.0);
  }
}

at::Tensor some_images(int count, int size) {
  return at::randn({count, 3, size, size}, at::detail::createCPUGenerator(5), at::kFloat);
}

TEST(Backbone, AnImageHasTheSameFeaturesInAnyBatch) {
  const auto backbone = tiny_backbone();
  const auto images = some_images(9, 70);
  const std::vector<int> layers = {6, 24};
  const auto together = backbone.encode(images, layers);
  for (const std::int64_t size : {1, 2, 4}) {
    const auto part = backbone.encode(images.slice(0, 3, 3 + size), layers);
    EXPECT_TRUE(part.global.equal(together.global.slice(0, 3, 3 + size))) << size;
    for (const int layer : layers)
      EXPECT_TRUE(part.patches.at(layer).equal(together.patches.at(layer).slice(0, 3, 3 + size)))
          << size << " layer " << layer;
  }
}

TEST(Backbone, TheLayersAskedForDoNotChangeEachOther) {
  const auto backbone = tiny_backbone();
  const auto images = some_images(1, 56);
  const auto all = backbone.encode(images, std::vector<int>{24, 2, 6, 12});
  for (const int layer : {2, 6, 12, 24}) {
    const auto one = backbone.encode(images, std::vector<int>{layer});
    EXPECT_TRUE(one.patches.at(layer).equal(all.patches.at(layer))) << layer;
    EXPECT_TRUE(one.global.equal(all.global));
  }
  const auto none = backbone.encode(images, {});
  EXPECT_TRUE(none.patches.empty());
  EXPECT_TRUE(none.global.equal(all.global));
}

TEST(Backbone, ThreadCountChangesNothingButRounding) {
  const auto backbone = tiny_backbone();
  const auto images = some_images(2, 70);
  const auto before = at::get_num_threads();
  const auto many = backbone.encode(images, std::vector<int>{24});
  at::set_num_threads(1);
  const auto one = backbone.encode(images, std::vector<int>{24});
  at::set_num_threads(before);
  EXPECT_TENSORS_NEAR(one.patches.at(24), many.patches.at(24), kUnitTolerance);
}

TEST_P(BackboneOn, EverySwitchOfTheExportChangesBothFormsAlike) {
  const auto images = some_images(1, 70);
  const std::vector<int> layers = {3, 12, 24};
  const std::vector<ExportOptions> variants = {{.image_size = 70, .form = {.vv_blocks = 0}},
                                               {.image_size = 70, .form = {.vv_blocks = 24}},
                                               {.image_size = 70, .form = {.vv_blocks = 1}},
                                               {.image_size = 70, .form = {.global_ln_post = true}},
                                               {.image_size = 70, .form = {.patch_ln_post = false}}};
  const auto standard = tiny_backbone(device()).encode(images, layers);
  for (const auto& options : variants) {
    const auto backbone = tiny_backbone(options, {.device = device().str()});
    const auto native = backbone.encode(images, layers);
    const auto plain = backbone.encode_plain(images, layers);
    double change = (native.global - standard.global).abs().max().item<double>();
    EXPECT_TENSORS_NEAR(native.global, plain.global, kUnitTolerance);
    for (const int layer : layers) {
      EXPECT_TENSORS_NEAR(native.patches.at(layer), plain.patches.at(layer), kUnitTolerance);
      change = std::max(change,
                        (native.patches.at(layer) - standard.patches.at(layer)).abs().max().item<double>());
    }
    EXPECT_GT(change, 1e-3);
  }
}

TEST_P(BackboneOn, ImagesNeedNotBeSquare) {
  const auto backbone = tiny_backbone(device());
  const auto images = at::randn({1, 3, 56, 84}, at::kFloat);
  const auto features = backbone.encode(images, std::vector<int>{24});
  EXPECT_EQ(features.grid, (Grid{4, 6}));
  EXPECT_TENSORS_NEAR(features.patches.at(24),
                      backbone.encode_plain(images, std::vector<int>{24}).patches.at(24), kUnitTolerance);
}

TEST(Backbone, RefusesLayersAndImagesThatDoNotFit) {
  const auto backbone = tiny_backbone();
  const auto images = some_images(1, 56);
  EXPECT_THROW(backbone.encode(images, std::vector<int>{25}), Error);
  EXPECT_THROW(backbone.encode(images, std::vector<int>{0}), Error);
  EXPECT_THROW(backbone.encode(some_images(1, 60), std::vector<int>{24}), Error);
  EXPECT_THROW(backbone.encode(images[0], std::vector<int>{24}), Error);
}

TEST(Backbone, RefusesImagesThatNobodyPrepared) {
  const auto backbone = tiny_backbone();
  const auto encoding = [&](const at::Tensor& images) {
    return [&backbone, images] { backbone.encode(images, std::vector<int>{24}); };
  };
  at::Tensor broken = some_images(2, 56);
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    broken[1][2][3][4] = value;
    EXPECT_THAT(encoding(broken), Fails(ErrorKind::data, HasSubstr("not finite")));
  }
  EXPECT_THAT(encoding(at::full({1, 3, 56, 56}, 200.0)),
              Fails(ErrorKind::data, HasSubstr("values from 200.000000 to 200.000000")));
  EXPECT_THAT(encoding(at::full({1, 3, 56, 56}, 200, at::kByte)),
              Fails(ErrorKind::data, HasSubstr("float32")));
  EXPECT_THAT([&] { backbone.encode_plain(broken, std::vector<int>{24}); },
              Fails(ErrorKind::data, HasSubstr("not finite")));
}

}  // namespace
}  // namespace res2clip
