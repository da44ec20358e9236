#include "res2clip/image/resize.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "support/goldens.hpp"

namespace res2clip {
namespace {

at::Tensor noise(std::int64_t height, std::int64_t width, std::int64_t channels) {
  at::manual_seed(3);
  return at::randint(0, 256, {height, width, channels}, at::kByte);
}

TEST(ResizeBicubic, KeepsAConstantImageConstant) {
  const at::Tensor flat = at::full({31, 47, 3}, 201, at::kByte);
  EXPECT_TRUE(at::equal(resize_bicubic(flat, 70, 13), at::full({70, 13, 3}, 201, at::kByte)));
}

TEST(ResizeBicubic, OfTheSameSizeIsACopy) {
  const at::Tensor image = noise(20, 30, 3);
  const at::Tensor same = resize_bicubic(image, 20, 30);
  EXPECT_TRUE(at::equal(same, image));
  EXPECT_NE(same.data_ptr(), image.data_ptr());
}

TEST(ResizeBicubic, TreatsChannelsAlike) {
  const at::Tensor image = noise(37, 53, 3);
  const at::Tensor all = resize_bicubic(image, 20, 90);
  for (int c = 0; c < 3; ++c)
    EXPECT_TRUE(at::equal(all.select(2, c), resize_bicubic(image.select(2, c).contiguous(), 20, 90)));
}

TEST(ResizeBicubic, DoesNotDependOnTheNumberOfThreads) {
  const at::Tensor image = noise(333, 251, 3);
  const int threads = at::get_num_threads();
  const at::Tensor with_all = resize_bicubic(image, 98, 70);
  at::set_num_threads(1);
  EXPECT_TRUE(at::equal(resize_bicubic(image, 98, 70), with_all));
  at::set_num_threads(threads);
}

TEST(ResizeBicubic, ReadsStridedImages) {
  const at::Tensor wide = noise(40, 60, 3);
  const at::Tensor cut = wide.slice(1, 10, 50);
  EXPECT_TRUE(at::equal(resize_bicubic(cut, 17, 19), resize_bicubic(cut.contiguous(), 17, 19)));
}

TEST(ResizeNearest, TakesThePixelUnderTheCentre) {
  const at::Tensor row = at::arange(10, at::kByte).view({1, 10});
  EXPECT_TRUE(at::equal(resize_nearest(row, 1, 4), at::tensor({1, 3, 6, 8}, at::kByte).view({1, 4})));
}

TEST(ResizeBilinear, HalvesByAveragingWithTheTriangleFilter) {
  const at::Tensor row = at::tensor({0, 0, 255, 255}, at::kByte).view({1, 4});
  // Windows of the triangle stretched to two pixels: weights 3/7, 3/7, 1/7 at the edges.
  EXPECT_TRUE(at::equal(resize_bilinear(row, 1, 2), at::tensor({36, 219}, at::kByte).view({1, 2})));
}

}  // namespace
}  // namespace res2clip
