#include "res2clip/model/smoothing.hpp"

#include "res2clip/core/error.hpp"

#include "support/devices.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;

/// The reference implementation: a two-dimensional convolution with zero padding, in double.
at::Tensor convolved(const at::Tensor& maps, std::int64_t size, double sigma) {
  const at::Tensor distance = at::arange(size, at::kDouble) - static_cast<double>(size / 2);
  const at::Tensor window = (-(distance * distance) / (2 * sigma * sigma)).exp();
  at::Tensor kernel = window.unsqueeze(1) * window.unsqueeze(0);
  kernel = kernel / kernel.sum();
  return at::conv2d(maps.cpu().to(at::kDouble).unsqueeze(1), kernel.unsqueeze(0).unsqueeze(0), {}, 1,
                    size / 2)
      .squeeze(1);
}

// Float32 sums of 2 * size terms of values below 1.
constexpr double kRounding = 5e-7;

class GaussianSmoothOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, GaussianSmoothOn, testing::kDevices, testing::device_name);

TEST_P(GaussianSmoothOn, EqualsATwoDimensionalConvolution) {
  const at::Tensor maps = at::rand({3, 40, 31}).to(device());
  EXPECT_TENSORS_NEAR(gaussian_smooth(maps, 5, 4.0), convolved(maps, 5, 4.0), kRounding);
  EXPECT_TENSORS_NEAR(gaussian_smooth(maps, 9, 1.5), convolved(maps, 9, 1.5), kRounding);
  EXPECT_TENSORS_NEAR(gaussian_smooth(maps, 1, 4.0), maps, 0.0);
}

TEST_P(GaussianSmoothOn, EqualsItOnMapsSmallerThanTheWindow) {
  const at::Tensor maps = at::rand({2, 2, 3}).to(device());
  EXPECT_TENSORS_NEAR(gaussian_smooth(maps, 5, 4.0), convolved(maps, 5, 4.0), kRounding);
}

TEST_P(GaussianSmoothOn, IsTheSameOnOtherTypesAndLayouts) {
  const at::Tensor maps = at::rand({2, 30, 40}).to(device());
  const at::Tensor smoothed = gaussian_smooth(maps, 5, 4.0);
  EXPECT_TENSORS_NEAR(gaussian_smooth(maps.to(at::kDouble), 5, 4.0), smoothed, kRounding);
  EXPECT_TENSORS_NEAR(gaussian_smooth(maps.transpose(1, 2), 5, 4.0).transpose(1, 2), smoothed, kRounding);
}

TEST(GaussianSmooth, TakesZerosBeyondTheBorder) {
  const at::Tensor smoothed = gaussian_smooth(at::ones({1, 20, 20}), 5, 4.0);
  EXPECT_NEAR(smoothed[0][10][10].item<double>(), 1.0, 1e-6);
  EXPECT_LT(smoothed[0][0][0].item<double>(), 0.5);
}

TEST(GaussianSmooth, RefusesAnEvenWindow) {
  EXPECT_THAT(
      [&] {
        gaussian_smooth(at::ones({1, 4, 4}), 4, 4.0);
      },
      Fails(ErrorKind::settings, HasSubstr("scoring.smoothing_size is 4")));
}

TEST(Upsample, InterpolatesBetweenPatchCentres) {
  const at::Tensor map = upsample(at::tensor({0.0f, 1.0f}).view({1, 1, 2}), 2, 4);
  const at::Tensor row = at::tensor({0.0f, 0.25f, 0.75f, 1.0f});
  EXPECT_TENSORS_NEAR(map[0][0], row, 0.0);
  EXPECT_TENSORS_NEAR(map[0][1], row, 0.0);
}

}  // namespace
}  // namespace res2clip
