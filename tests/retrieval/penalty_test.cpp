#include "res2clip/retrieval/penalty.hpp"

#include "res2clip/retrieval/options.hpp"

#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::Goldens;

constexpr double kTolerance = 5e-6;  // retrieval's: the goldens are float32, ours float64

void equals_the_goldens(const Path& file) {
  const auto goldens = Goldens::read(file);
  double worst = 0;
  for (const std::int64_t side : {5, 7})
    for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
      if (penalty == Penalty::none) continue;
      SCOPED_TRACE(name);
      const auto& expected = goldens["penalty/L" + std::to_string(side * side) + "/" + std::string(name)];
      const auto found = spatial_penalty(penalty, {side, side});
      EXPECT_TENSORS_NEAR(found, expected.to(at::kDouble), kTolerance);
      worst = std::max(worst, testing::largest_difference(found, expected));
    }
  std::cout << "largest difference of penalties: " << worst << "\n";
}

TEST(Penalty, EqualsTheGoldens) {
  equals_the_goldens(testing::test_data("goldens/retrieval.pt"));
}

TEST(Penalty, EqualsTheFullGoldens) {
  const auto folder = testing::full_fixtures();
  if (!folder) GTEST_SKIP() << "RES2CLIP_FIXTURES is not set";
  equals_the_goldens(*folder / "retrieval.pt");
}

TEST(Penalty, RadiusIsTheDistanceFromTheCentreInPatches) {
  EXPECT_TENSORS_NEAR(patch_radii({3, 3})[0], at::scalar_tensor(std::sqrt(2.0), at::kDouble), 0);
  EXPECT_TENSORS_NEAR(patch_radii({1, 4}), at::tensor({1.5, 0.5, 0.5, 1.5}, at::kDouble), 0);
}

TEST(Penalty, IsSymmetricAndNothingForTheSamePlaceOnAnyGrid) {
  for (const Grid grid : {Grid{1, 1}, Grid{1, 5}, Grid{4, 3}, Grid{6, 7}})
    for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
      SCOPED_TRACE(name);
      const auto found = spatial_penalty(penalty, grid);
      ASSERT_EQ(found.sizes(), (at::IntArrayRef{grid.size(), grid.size()}));
      EXPECT_TRUE(found.isfinite().all().item<bool>());
      EXPECT_GE(found.min().item<double>(), 0);
      EXPECT_TENSORS_NEAR(found.diagonal(), at::zeros({grid.size()}, at::kDouble), 0);
      EXPECT_TENSORS_NEAR(found, found.t(), 1e-15);
    }
}

TEST(Penalty, AngleIsTheShorterWayRound) {
  const auto found =
      spatial_penalty(Penalty::polar_linear, {3, 3});  // left above against left below: a quarter turn
  EXPECT_NEAR(found[0][6].item<double>(), M_PI / 2, 1e-12);
}

}  // namespace
}  // namespace res2clip
