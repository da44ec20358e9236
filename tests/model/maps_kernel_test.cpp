#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "res2clip/model/branches.hpp"
#include "res2clip/model/maps.hpp"
#include "res2clip/model/smoothing.hpp"

#include "support/devices.hpp"
#include "support/goldens.hpp"

// What makes a kernel host code comes before the kernels.
// clang-format off
#include "retrieval/cuda_on_host.hpp"
#include "cuda/highest_kernel.cuh"
#include "cuda/maps_kernel.cuh"
// clang-format on

namespace res2clip {
namespace {

using testing::BlockOfFibers;

constexpr double kRounding = 2e-6;  // of sums of 2 * 33 float32 terms below 1, and of interpolation

std::mt19937& random_numbers() {
  static std::mt19937 random(1);
  return random;
}
std::int64_t from(std::int64_t least, std::int64_t most) {
  return std::uniform_int_distribution<std::int64_t>(least, most)(random_numbers());
}

/// Cases of a test: more on request, after a change of the kernels.
int cases(int usual) {
  const char* asked = std::getenv("RES2CLIP_KERNEL_CASES");
  return asked ? std::atoi(asked) : usual;
}

/// Patch scores of three branches and what is to be drawn of them.
struct AnyMaps {
  std::int64_t images = from(1, 2), patch_size = from(1, 17);
  Grid grid{from(1, 6), from(1, 6)};
  PatchMaps text = layers(), visual = layers(), residual = layers();
  ScoringOptions scoring = any_scoring();

  MapForm form() const { return {grid, patch_size, {0.1, 1.0, 0.7}, scoring}; }
  BranchPatches patches() const { return {text, visual, residual}; }
  std::int64_t height() const { return grid.rows * patch_size; }
  std::int64_t width() const { return grid.cols * patch_size; }

 private:
  PatchMaps layers() const {
    PatchMaps maps;
    for (auto layer = from(1, 4); layer > 0; --layer)
      maps[static_cast<int>(layer)] = at::rand({images, grid.rows, grid.cols}) - (from(0, 1) ? 0.0 : 0.5);
    return maps;
  }
  static ScoringOptions any_scoring() {
    ScoringOptions options;
    options.smooth_branch_maps = from(0, 3) != 0;
    options.smooth_fused_map = from(0, 3) != 0;
    options.smoothing_size = from(0, 1) ? 5 : 2 * from(0, cuda::kLargestRadius) + 1;
    options.smoothing_sigma = std::pow(10.0, static_cast<double>(from(-5, 10)) / 10);
    return options;
  }
};

cuda::Window window_of(bool smooth, const ScoringOptions& scoring) {
  cuda::Window window{0, {1.0f}};
  if (!smooth) return window;
  const auto weights = gaussian_window(scoring.smoothing_size, scoring.smoothing_sigma);
  window.radius = static_cast<int>(weights.size() / 2);
  std::copy(weights.begin(), weights.end(), window.weights);
  return window;
}

cuda::BranchScores scores_of(const PatchMaps& patches) {
  cuda::BranchScores branch{};
  for (const auto& [layer, scores] : patches) branch.scores[branch.layers++] = scores.const_data_ptr<float>();
  return branch;
}

/// The kernels' source, run on the host.
AnomalyMaps drawn_on_host(const AnyMaps& any) {
  const auto maps = at::full({3, any.images, any.height(), any.width()}, -7.0f),
             fused = at::full({any.images, any.height(), any.width()}, -7.0f);
  const int height = static_cast<int>(any.height()), width = static_cast<int>(any.width());
  const cuda::DrawBranches draw{{scores_of(any.text), scores_of(any.visual), scores_of(any.residual)},
                                maps.mutable_data_ptr<float>(),
                                any.images,
                                static_cast<int>(any.grid.rows),
                                static_cast<int>(any.grid.cols),
                                height,
                                width,
                                window_of(any.scoring.smooth_branch_maps, any.scoring)};
  BlockOfFibers::launch(static_cast<unsigned>(cuda::tiles_of(3 * any.images, height, width)),
                        cuda::kDrawThreads, static_cast<std::size_t>(cuda::draw_floats(draw)),
                        [&] { cuda::draw_branches_kernel(draw); });
  const auto weights = any.form().weights;
  const cuda::FuseBranches fuse{maps.const_data_ptr<float>(),
                                {static_cast<float>(weights.text), static_cast<float>(weights.visual),
                                 static_cast<float>(weights.residual)},
                                fused.mutable_data_ptr<float>(),
                                any.images,
                                height,
                                width,
                                window_of(any.scoring.smooth_fused_map, any.scoring)};
  BlockOfFibers::launch(static_cast<unsigned>(cuda::tiles_of(any.images, height, width)), cuda::kDrawThreads,
                        static_cast<std::size_t>(cuda::window_floats(fuse.window.radius)),
                        [&] { cuda::fuse_branches_kernel(fuse); });
  return {maps[0], maps[1], maps[2], fused};
}

void expect_near(const AnomalyMaps& found, const AnomalyMaps& expected, double tolerance) {
  EXPECT_TENSORS_NEAR(found.text, expected.text, tolerance);
  EXPECT_TENSORS_NEAR(found.visual, expected.visual, tolerance);
  EXPECT_TENSORS_NEAR(found.residual, expected.residual, tolerance);
  EXPECT_TENSORS_NEAR(found.fused, expected.fused, tolerance);
}

TEST(MapKernelsOnHost, DrawWhatThePlainFormDraws) {
  for (int i = 0; i < cases(40) && !HasFailure(); ++i) {
    const AnyMaps any;
    SCOPED_TRACE("case " + std::to_string(i) + ": " + std::to_string(any.grid.rows) + "x" +
                 std::to_string(any.grid.cols) + " patches of " + std::to_string(any.patch_size) +
                 " pixels, window " + std::to_string(any.scoring.smoothing_size));
    expect_near(drawn_on_host(any), draw_maps_plain(any.patches(), any.form()), kRounding);
  }
}

at::Tensor highest_on_host(const at::Tensor& maps, std::int64_t count) {
  const auto means = at::full({maps.size(0)}, -7.0f);
  const auto bins = at::zeros({maps.size(0), cuda::kDigits, cuda::kBins}, at::kInt);
  const auto sums = at::full({maps.size(0), cuda::kParts}, -7.0f);
  const cuda::MeanHighest task{
      maps.const_data_ptr<float>(), means.mutable_data_ptr<float>(), maps.size(0), maps.size(1), count,
      bins.mutable_data_ptr<int>(), sums.mutable_data_ptr<float>()};
  const auto blocks = static_cast<unsigned>(maps.size(0));
  for (int digit = 0; digit < cuda::kDigits; ++digit)
    BlockOfFibers::launch(blocks * cuda::kParts, cuda::kSelectThreads, 0,
                          [&] { cuda::count_digit_kernel(task, digit); });
  BlockOfFibers::launch(blocks * cuda::kParts, cuda::kSelectThreads, 0,
                        [&] { cuda::sum_highest_kernel(task); });
  BlockOfFibers::launch(blocks, cuda::kWarp, 0, [&] { cuda::mean_highest_kernel(task); });
  return means;
}

at::Tensor highest_by_sorting(const at::Tensor& maps, std::int64_t count) {
  return std::get<0>(maps.to(at::kDouble).topk(count, 1)).mean(1).to(at::kFloat);
}

/// Values of any scale, with ties, zeros of both signs and negative ones.
at::Tensor any_values(std::int64_t maps, std::int64_t pixels) {
  auto values = at::randn({maps, pixels}) * std::pow(10.0, static_cast<double>(from(-20, 20)));
  if (from(0, 1)) values = values.abs();
  if (from(0, 2) == 0) values = values.masked_fill(at::rand({maps, pixels}) < 0.7, values[0][0].item());
  if (from(0, 2) == 0) values = values.masked_fill(at::rand({maps, pixels}) < 0.5, from(0, 1) ? 0.0 : -0.0);
  return values.contiguous();
}

TEST(HighestKernelOnHost, AveragesWhatSortingFinds) {
  for (int i = 0; i < cases(5) && !HasFailure(); ++i) {
    const std::int64_t pixels = from(0, 2) == 0 ? from(1, 30) : from(1, 40000);
    const auto values = any_values(1, pixels);
    const std::int64_t count = from(0, 3) == 0 ? from(1, pixels) : std::max<std::int64_t>(1, pixels / 100);
    SCOPED_TRACE("case " + std::to_string(i) + ": " + std::to_string(count) + " of " +
                 std::to_string(pixels));
    const auto expected = highest_by_sorting(values, count);
    EXPECT_TENSORS_NEAR(highest_on_host(values, count), expected, 3e-7 * values.abs().max().item<double>());
  }
}

TEST(HighestKernelOnHost, TakesNanAndInfinityForTheHighest) {
  auto values = at::rand({2, 500});
  values[1][77] = std::numeric_limits<float>::quiet_NaN();
  values[0][3] = INFINITY;
  const auto found = highest_on_host(values, 5);
  EXPECT_TRUE(std::isinf(found[0].item<float>()));
  EXPECT_TRUE(std::isnan(found[1].item<float>()));
  values[0][3] = -INFINITY;
  EXPECT_TENSORS_NEAR(highest_on_host(values, 5)[0],
                      top_mean(values.narrow(0, 0, 1).view({1, 25, 20}), 0.01)[0], 1e-6);
}

TEST(ProjectionKernelOnHost, EqualsMultiplyAndSum) {
  for (const std::int64_t channels : {1, 31, 32, 100, 768}) {
    const auto rows = at::randn({9, channels}), direction = at::randn({channels});
    const auto products = at::full({9}, -7.0f);
    const cuda::ProjectRows task{rows.const_data_ptr<float>(), direction.const_data_ptr<float>(),
                                 products.mutable_data_ptr<float>(), 9, channels};
    BlockOfFibers::launch(3, cuda::kProjectThreads, 0, [&] { cuda::project_rows_kernel(task); });
    EXPECT_TENSORS_NEAR(products, rows.to(at::kDouble).mv(direction.to(at::kDouble)),
                        3e-5);  // 768 terms of size 1
  }
}

/// The forms in use, on every device.
class MapsOn : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, MapsOn, testing::kDevices, testing::device_name);

PatchMaps on(c10::Device device, const PatchMaps& patches) {
  PatchMaps moved;
  for (const auto& [layer, scores] : patches) moved[layer] = scores.to(device);
  return moved;
}

TEST_P(MapsOn, EqualThePlainForm) {
  for (int i = 0; i < cases(40) && !HasFailure(); ++i) {
    const AnyMaps any;
    const auto text = on(device(), any.text), visual = on(device(), any.visual),
               residual = on(device(), any.residual);
    const auto found = draw_maps({text, visual, residual}, any.form());
    const auto expected = draw_maps_plain(any.patches(), any.form());
    expect_near({found.text.cpu(), found.visual.cpu(), found.residual.cpu(), found.fused.cpu()}, expected,
                kRounding);
    const auto means = branch_top_means(found, 0.05);
    EXPECT_TENSORS_NEAR(means[0].cpu(), top_mean(expected.text, 0.05), kRounding);
    EXPECT_TENSORS_NEAR(means[1].cpu(), top_mean(expected.visual, 0.05), kRounding);
    EXPECT_TENSORS_NEAR(means[2].cpu(), top_mean(expected.residual, 0.05), kRounding);
  }
}

TEST_P(MapsOn, AreTheSameForEveryBatch) {
  const Grid grid{5, 4};
  const ScoringOptions scoring;
  const MapForm form{grid, 14, {0.1, 1.0, 1.0}, scoring};
  const PatchMaps patches{{6, at::rand({3, 5, 4}).to(device())}};
  const auto together = draw_maps({patches, patches, patches}, form);
  const auto together_means = branch_top_means(together, 0.01);
  for (int image = 0; image < 3; ++image) {
    const PatchMaps one{{6, patches.at(6).narrow(0, image, 1)}};
    const auto alone = draw_maps({one, one, one}, form);
    EXPECT_TRUE(at::equal(alone.fused[0], together.fused[image]));
    EXPECT_TRUE(at::equal(branch_top_means(alone, 0.01)[1][0], together_means[1][image]));
  }
}

TEST_P(MapsOn, TakeWindowsThatTheKernelsDoNotCover) {
  ScoringOptions scoring;
  scoring.smoothing_size = 2 * cuda::kLargestRadius + 3;
  const PatchMaps patches{{1, at::rand({1, 3, 3})}}, moved = on(device(), patches);
  const MapForm form{{3, 3}, 14, {}, scoring};
  EXPECT_TENSORS_NEAR(draw_maps({moved, moved, moved}, form).fused.cpu(),
                      draw_maps_plain({patches, patches, patches}, form).fused, kRounding);
}

}  // namespace
}  // namespace res2clip
