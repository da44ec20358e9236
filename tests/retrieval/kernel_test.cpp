#include "res2clip/retrieval/match_weights.hpp"
#include "res2clip/retrieval/penalty.hpp"

#include "forms.hpp"
#include "support/goldens.hpp"

// What makes a kernel host code comes before the kernel.
// clang-format off
#include "cuda_on_host.hpp"
#include "cuda/match_rows_kernel.cuh"
// clang-format on

namespace res2clip {
namespace {

using testing::resembling;
using testing::unit_features;

constexpr double kTolerance = 5e-6;  // retrieval's tolerance in the goldens

/// The CUDA kernel's source, run on the host.
template <int kThreads, int kCapacity, bool kKept = true>
Match kernel_on_host(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                     const MatchOptions& options, std::int64_t first = 0) {
  const auto queries = query.reshape({-1, query.size(-1)}).contiguous();
  const auto similarities = queries.matmul(reference.t()).contiguous();
  const Match match{at::full_like(query, -7), at::full_like(query, -7),
                    at::full({query.size(0), query.size(1)}, -7.0f)};
  const cuda::MatchRows task{similarities.const_data_ptr<float>(),
                             queries.const_data_ptr<float>(),
                             reference.const_data_ptr<float>(),
                             match.reference.data_ptr<float>(),
                             match.residual.data_ptr<float>(),
                             match.residual_norm.data_ptr<float>(),
                             queries.size(0),
                             reference.size(0),
                             query.size(-1),
                             first,
                             penalty_plan(options.penalty, options.gamma, grid.rows, grid.cols)};
  testing::BlockOfFibers::launch(queries.size(0), kThreads, kKept ? reference.size(0) : 0,
                                 [&] { cuda::match_rows_kernel<kThreads, kCapacity, kKept>(task); });
  return match;
}

void expect_exact(const Match& found, const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                  const MatchOptions& options) {
  const auto exact = match_plain(query.to(at::kDouble), reference.to(at::kDouble), grid, options);
  EXPECT_TENSORS_NEAR(found.reference, exact.reference, kTolerance);
  EXPECT_TENSORS_NEAR(found.residual, exact.residual, kTolerance);
  EXPECT_TENSORS_NEAR(found.residual_norm, exact.residual_norm, kTolerance);
}

TEST(PenaltyBetween, EqualsTheTableOnEveryGrid) {
  for (const Grid grid : {Grid{1, 1}, Grid{1, 6}, Grid{5, 5}, Grid{7, 4}, Grid{14, 15}})
    for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
      SCOPED_TRACE(name);
      const auto plan = penalty_plan(penalty, 1.0, grid.rows, grid.cols);
      const auto table = spatial_penalty(penalty, grid).to(at::kFloat);
      auto found = at::empty_like(table);
      auto entries = found.accessor<float, 2>();
      for (int i = 0; i < grid.size(); ++i)
        for (int j = 0; j < grid.size(); ++j)
          entries[i][j] = penalty_between(plan, place_of(plan, i), place_of(plan, j));
      EXPECT_TENSORS_NEAR(found, table, kTolerance);
    }
}

TEST(CudaKernelOnHost, EqualsThePlainFormOnEveryGridAndShotCount) {
  for (const Grid grid : {Grid{1, 1}, Grid{2, 3}, Grid{5, 5}, Grid{8, 9}})
    for (const std::int64_t shots : {1, 3}) {
      const auto query = unit_features({1, grid.size(), 40}, 1);
      const auto reference = resembling(query[0], shots, 0.4, 2);
      expect_exact(kernel_on_host<64, 256>(query, reference, grid, {}), query, reference, grid, {});
      expect_exact(kernel_on_host<64, 256, false>(query, reference, grid, {}), query, reference, grid, {});
    }
}

TEST(CudaKernelOnHost, EqualsThePlainFormWithEveryPenalty) {
  const Grid grid{4, 5};
  const auto query = unit_features({1, 20, 300}, 3), reference = resembling(query[0], 2, 0.8, 4);
  for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
    SCOPED_TRACE(name);
    const MatchOptions options{.penalty = penalty, .gamma = 0.1};
    expect_exact(kernel_on_host<64, 256>(query, reference, grid, options), query, reference, grid, options);
    expect_exact(kernel_on_host<64, 256, false>(query, reference, grid, options), query, reference, grid,
                 options);
  }
}

TEST(CudaKernelOnHost, IsExactWhereTheCandidatesDoNotFit) {
  const Grid grid{6, 7};  // unrelated features: nearly all of the 168 references are in the support
  const auto query = unit_features({1, 42, 700}, 5), reference = unit_features({168, 700}, 6);
  expect_exact(kernel_on_host<64, 64>(query, reference, grid, {}), query, reference, grid, {});
  expect_exact(kernel_on_host<64, 64, false>(query, reference, grid, {}), query, reference, grid, {});
}

TEST(CudaKernelOnHost, IsExactWhereTheCandidatesDoNotFitButTheSupportDoes) {
  const Grid grid{6, 7};  // many shots that are alike: the threads' maxima say little of the row
  const auto query = unit_features({1, 42, 60}, 13), reference = resembling(query[0], 16, 0.45, 14);
  const auto support = (match_weights(query, reference, grid, {}) > 0).sum(-1).max().item<int>();
  ASSERT_LE(support, 64);
  expect_exact(kernel_on_host<32, 64>(query, reference, grid, {}), query, reference, grid, {});
  expect_exact(kernel_on_host<32, 64, false>(query, reference, grid, {}), query, reference, grid, {});
}

TEST(CudaKernelOnHost, MakesTheRowOfAnInfinitePatchNan) {
  const Grid grid{4, 4};
  auto query = unit_features({1, 16, 70}, 15);
  const auto reference = resembling(query[0], 2, 0.4, 16);
  query[0][5][1] = -std::numeric_limits<float>::infinity();
  const auto found = kernel_on_host<64, 64>(query, reference, grid, {});
  EXPECT_EQ(found.residual_norm.isnan().sum().item<int>(), 1);
}

TEST(CudaKernelOnHost, MakesTheRowOfANanPatchNanAndNoOther) {
  const Grid grid{4, 4};
  auto query = unit_features({1, 16, 70}, 7);
  const auto reference = resembling(query[0], 2, 0.4, 8);
  query[0][5][1] = std::numeric_limits<float>::quiet_NaN();
  const auto found = kernel_on_host<64, 64>(query, reference, grid, {});
  EXPECT_TRUE(found.reference[0][5].isnan().all().item<bool>());
  EXPECT_TRUE(found.residual[0][5].isnan().all().item<bool>());
  EXPECT_EQ(found.residual_norm.isnan().sum().item<int>(), 1);
  EXPECT_EQ(found.reference.isnan().sum().item<int>(), 70);
}

TEST(CudaKernelOnHost, SharesTheWeightAmongEqualReferencesAndLeavesZeroVectorsZero) {
  const auto query = unit_features({1, 9, 8}, 9), one = unit_features({1, 8}, 10);
  const MatchOptions options{.penalty = Penalty::none};
  const auto found = kernel_on_host<64, 64>(query, one.repeat({27, 1}), {3, 3}, options);
  EXPECT_TENSORS_NEAR(found.reference[0], one.expand({9, 8}), 1e-6);
  const auto nothing = kernel_on_host<64, 64>(query, at::zeros({27, 8}), {3, 3}, options);
  EXPECT_TENSORS_NEAR(nothing.reference, at::zeros({1, 9, 8}), 0);
  EXPECT_TENSORS_NEAR(nothing.residual, query, 0);
}

TEST(CudaKernelOnHost, KnowsItsPlaceWhenATileBeginsInsideAnImage) {
  const Grid grid{3, 4};
  const auto query = unit_features({2, 12, 16}, 11), reference = resembling(query[0], 1, 0.4, 12);
  const MatchOptions options{.gamma = 0.5};
  const auto whole = kernel_on_host<64, 64>(query, reference, grid, options);
  const auto rows = query.reshape({1, 24, 16}).narrow(1, 5, 14);
  const auto tile = kernel_on_host<64, 64>(rows, reference, grid, options, 5);
  EXPECT_TENSORS_NEAR(tile.reference, whole.reference.reshape({1, 24, 16}).narrow(1, 5, 14), 1e-6);
}

}  // namespace
}  // namespace res2clip
