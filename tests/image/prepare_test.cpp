#include "res2clip/image/prepare.hpp"

#include <ATen/ATen.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/read.hpp"
#include "res2clip/image/resize.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Goldens;
using testing::test_data;

void expect_resized(const Goldens& goldens, const std::string& key, std::int64_t size, bool mask) {
  const std::string suffix = "_" + std::to_string(size);
  const at::Tensor in = goldens[key + "/in"];
  if (goldens.has(key + "/resized" + suffix)) {
    const at::Tensor full = mask ? in.gt(0).to(at::kByte).mul(255) : in;
    const at::Tensor resized = mask ? resize_bilinear(full, size, size) : resize_bicubic(full, size, size);
    EXPECT_TENSORS_NEAR(resized, goldens[key + "/resized" + suffix], 0.0);  // to the last bit
  }
  if (!goldens.has(key + "/out" + suffix)) return;
  if (mask)
    EXPECT_TENSORS_NEAR(prepare_mask(in, size), goldens[key + "/out" + suffix], 0.0);
  else
    EXPECT_TENSORS_NEAR(prepare_image(in, {.size = size}), goldens[key + "/out" + suffix], 1e-6);
}

void expect_goldens(const Path& folder) {
  const Goldens goldens = Goldens::read(folder / "preprocess.pt");
  const auto listing = testing::read_json(folder / "preprocess.json");
  for (const bool mask : {false, true})
    for (const auto& entry : listing[mask ? "masks" : "images"])
      for (const std::int64_t size : listing["sizes"]) {
        SCOPED_TRACE(entry["key"].get<std::string>() + " to " + std::to_string(size) + ": " +
                     entry["desc"].get<std::string>());
        expect_resized(goldens, entry["key"], size, mask);
      }
}

TEST(Preparation, EqualsTheReleasedTransformOnGeneratedPictures) {
  expect_goldens(test_data("generated"));
}

TEST(Preparation, EqualsTheReleasedTransformOnPhotographs) {
  const auto fixtures = testing::full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  expect_goldens(*fixtures);
}

/// Palette, bilevel and alpha images in both orders of resizing and converting, as the release loads queries
/// and references.
TEST(Preparation, EqualsBothReleasedLoadersOnUnusualModes) {
  const auto fixtures = testing::full_fixtures();
  if (!fixtures) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  const Goldens goldens = Goldens::read(*fixtures / "preprocess.pt");
  const auto expect = [&](const std::string& key, const at::Tensor& own_mode, const at::Tensor& rgb) {
    SCOPED_TRACE(key);
    EXPECT_TENSORS_NEAR(prepare_image(own_mode, {.size = 70}), goldens[key + "/query_70"], 1e-6);
    EXPECT_TENSORS_NEAR(prepare_image(rgb, {.size = 70}), goldens[key + "/ref_70"], 1e-6);
  };
  const auto replicated = [](const at::Tensor& grey) {
    return grey.unsqueeze(2).expand({-1, -1, 3}).contiguous();
  };

  const at::Tensor rgba = goldens["x_rgba/in"];
  const at::Tensor colour = rgba.slice(2, 0, 3).contiguous();
  expect("x_rgba", resize_bicubic_premultiplied(colour, rgba.select(2, 3), 70, 70), colour);
  const at::Tensor la = goldens["x_la/in"];
  const at::Tensor grey = replicated(la.select(2, 0));
  expect("x_la", resize_bicubic_premultiplied(grey, la.select(2, 1), 70, 70), grey);
  const at::Tensor index = goldens["x_p/in"];
  const at::Tensor painted = goldens["x_p/palette"].index({index.to(at::kLong)});
  expect("x_p", resize_nearest(painted, 70, 70), painted);
  const at::Tensor bilevel = replicated(goldens["x_1/in"]);
  expect("x_1", resize_nearest(bilevel, 70, 70), bilevel);
}

TEST(PrepareImage, FromAFileEqualsThatOfItsPixels) {
  const Path path = test_data("generated/images/weave/train/good/000.png");
  EXPECT_TENSORS_NEAR(prepare_image(path, {.size = 70}), prepare_image(read_image(path), {.size = 70}), 0.0);
}

TEST(PrepareMask, ReadsAnythingAboveZeroAsAnomalous) {
  const at::Tensor mask = prepare_mask(test_data("generated/images/weave/ground_truth/cut/000_mask.png"), 98);
  EXPECT_EQ(mask.scalar_type(), at::kByte);
  EXPECT_EQ(mask.max().item<int>(), 1);
  EXPECT_TRUE(at::equal(prepare_mask(at::full({5, 5}, 1, at::kByte), 7), at::ones({7, 7}, at::kByte)));
}

TEST(PrepareMask, ThatIsNamedButAbsentIsADataError) {
  EXPECT_THROW(prepare_mask(Path("no/such_mask.png"), 70), Error);
}

}  // namespace
}  // namespace res2clip
