#include <cstdlib>
#include <random>

#include "res2clip/retrieval/match_weights.hpp"
#include "res2clip/retrieval/penalty.hpp"

#include "forms.hpp"
#include "sparsemax_threshold.hpp"
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

using cuda::Keeps;

std::size_t dynamic_floats(Keeps keeps, std::int64_t bank, const Grid& grid) {
  switch (keeps) {
    case Keeps::scores:
      return static_cast<std::size_t>((bank + 3) / 4 * 4);
    case Keeps::penalties:
      return static_cast<std::size_t>(grid.size());
    case Keeps::nothing:
      break;
  }
  return 0;
}

/// The CUDA kernel's source, run on the host, from similarities [B*N, K*N] whose rows may lie apart.
template <int kThreads, int kCapacity, Keeps kKeeps = Keeps::scores>
Match kernel_on_host(const at::Tensor& query, const at::Tensor& reference, const at::Tensor& similarities,
                     const Grid& grid, const MatchOptions& options, std::int64_t first = 0) {
  const auto queries = query.reshape({-1, query.size(-1)}).contiguous();
  const Match match{at::full_like(query, -7), at::full_like(query, -7),
                    at::full({query.size(0), query.size(1)}, -7.0f)};
  const cuda::MatchRows task{
      similarities.const_data_ptr<float>(),
      queries.const_data_ptr<float>(),
      reference.const_data_ptr<float>(),
      match.reference.data_ptr<float>(),
      match.residual.data_ptr<float>(),
      match.residual_norm.data_ptr<float>(),
      queries.size(0),
      similarities.stride(0),
      static_cast<int>(reference.size(0)),
      static_cast<int>(query.size(-1)),
      static_cast<int>(first),
      penalty_plan(options.penalty, options.gamma, static_cast<int>(grid.rows), static_cast<int>(grid.cols))};
  testing::BlockOfFibers::launch(static_cast<unsigned>(queries.size(0)), kThreads,
                                 dynamic_floats(kKeeps, reference.size(0), grid),
                                 [&] { cuda::match_rows_kernel<kThreads, kCapacity, kKeeps>(task); });
  return match;
}

template <int kThreads, int kCapacity, Keeps kKeeps = Keeps::scores>
Match kernel_on_host(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                     const MatchOptions& options, std::int64_t first = 0) {
  const auto similarities = query.reshape({-1, query.size(-1)}).matmul(reference.t()).contiguous();
  return kernel_on_host<kThreads, kCapacity, kKeeps>(query, reference, similarities, grid, options, first);
}

void expect_exact(const Match& found, const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                  const MatchOptions& options) {
  const auto exact = match_plain(query.to(at::kDouble), reference.to(at::kDouble), grid, options);
  EXPECT_TENSORS_NEAR(found.reference, exact.reference, kTolerance);
  EXPECT_TENSORS_NEAR(found.residual, exact.residual, kTolerance);
  EXPECT_TENSORS_NEAR(found.residual_norm, exact.residual_norm, kTolerance);
}

/// The kernel in each of its forms.
template <int kThreads, int kCapacity>
void expect_exact_in_every_form(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                                const MatchOptions& options) {
  const auto expect = [&](const Match& found) { expect_exact(found, query, reference, grid, options); };
  expect(kernel_on_host<kThreads, kCapacity>(query, reference, grid, options));
  expect(kernel_on_host<kThreads, kCapacity, Keeps::penalties>(query, reference, grid, options));
  expect(kernel_on_host<kThreads, kCapacity, Keeps::nothing>(query, reference, grid, options));
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
      expect_exact_in_every_form<64, 256>(query, reference, grid, {});
    }
}

TEST(CudaKernelOnHost, EqualsThePlainFormWithEveryPenalty) {
  const Grid grid{4, 5};
  const auto query = unit_features({1, 20, 300}, 3), reference = resembling(query[0], 2, 0.8, 4);
  for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
    SCOPED_TRACE(name);
    const MatchOptions options{.penalty = penalty, .gamma = 0.1};
    expect_exact_in_every_form<64, 256>(query, reference, grid, options);
  }
}

TEST(CudaKernelOnHost, IsExactWhereTheCandidatesDoNotFit) {
  const Grid grid{6, 7};  // unrelated features: nearly all of the 168 references are in the support
  const auto query = unit_features({1, 42, 700}, 5), reference = unit_features({168, 700}, 6);
  expect_exact_in_every_form<32, 64>(query, reference, grid, {});
}

TEST(CudaKernelOnHost, IsExactWhereTheCandidatesDoNotFitButTheSupportDoes) {
  const Grid grid{6, 7};  // many shots that are alike: the threads' maxima say little of the row
  const auto query = unit_features({1, 42, 60}, 13), reference = resembling(query[0], 16, 0.45, 14);
  const auto support = (match_weights(query, reference, grid, {}) > 0).sum(-1).max().item<int>();
  ASSERT_LE(support, 64);
  expect_exact_in_every_form<32, 64>(query, reference, grid, {});
}

TEST(CudaKernelOnHost, MakesTheRowOfAnInfinitePatchNan) {
  const Grid grid{4, 4};
  auto query = unit_features({1, 16, 70}, 15);
  const auto reference = resembling(query[0], 2, 0.4, 16);
  query[0][5][1] = -std::numeric_limits<float>::infinity();
  const auto found = kernel_on_host<32, 64>(query, reference, grid, {});
  EXPECT_EQ(found.residual_norm.isnan().sum().item<int>(), 1);
}

TEST(CudaKernelOnHost, MakesTheRowOfANanPatchNanAndNoOther) {
  const Grid grid{4, 4};
  auto query = unit_features({1, 16, 70}, 7);
  const auto reference = resembling(query[0], 2, 0.4, 8);
  query[0][5][1] = std::numeric_limits<float>::quiet_NaN();
  const auto found = kernel_on_host<32, 64>(query, reference, grid, {});
  EXPECT_TRUE(found.reference[0][5].isnan().all().item<bool>());
  EXPECT_TRUE(found.residual[0][5].isnan().all().item<bool>());
  EXPECT_EQ(found.residual_norm.isnan().sum().item<int>(), 1);
  EXPECT_EQ(found.reference.isnan().sum().item<int>(), 70);
}

TEST(CudaKernelOnHost, SharesTheWeightAmongEqualReferencesAndLeavesZeroVectorsZero) {
  const auto query = unit_features({1, 9, 8}, 9), one = unit_features({1, 8}, 10);
  const MatchOptions options{.penalty = Penalty::none};
  const auto found = kernel_on_host<32, 64>(query, one.repeat({27, 1}), {3, 3}, options);
  EXPECT_TENSORS_NEAR(found.reference[0], one.expand({9, 8}), 1e-6);
  const auto nothing = kernel_on_host<32, 64>(query, at::zeros({27, 8}), {3, 3}, options);
  EXPECT_TENSORS_NEAR(nothing.reference, at::zeros({1, 9, 8}), 0);
  EXPECT_TENSORS_NEAR(nothing.residual, query, 0);
}

TEST(CudaKernelOnHost, KnowsItsPlaceWhenATileBeginsInsideAnImage) {
  const Grid grid{3, 4};
  const auto query = unit_features({2, 12, 16}, 11), reference = resembling(query[0], 1, 0.4, 12);
  const MatchOptions options{.gamma = 0.5};
  const auto whole = kernel_on_host<32, 64>(query, reference, grid, options);
  const auto rows = query.reshape({1, 24, 16}).narrow(1, 5, 14);
  const auto tile = kernel_on_host<32, 64>(rows, reference, grid, options, 5);
  EXPECT_TENSORS_NEAR(tile.reference, whole.reference.reshape({1, 24, 16}).narrow(1, 5, 14), 1e-6);
}

TEST(CudaKernelOnHost, TakesRowsOfSimilaritiesThatLieApart) {
  const Grid grid{3, 5};
  const auto query = unit_features({1, 15, 12}, 17), reference = resembling(query[0], 3, 0.4, 18);
  auto apart = at::full({15, 48}, std::numeric_limits<float>::quiet_NaN());
  apart.narrow(1, 0, 45).copy_(query[0].matmul(reference.t()));
  expect_exact(kernel_on_host<32, 64>(query, reference, apart.narrow(1, 0, 45), grid, {}), query, reference,
               grid, {});
}

/// A case of any size and kind: a few rows of an image.
struct AnyCase {
  Grid grid;
  at::Tensor query, reference;
  MatchOptions options;
  std::int64_t first, rows;

  explicit AnyCase(std::mt19937& random) {
    const auto from = [&](std::int64_t least, std::int64_t most) {
      return std::uniform_int_distribution<std::int64_t>(least, most)(random);
    };
    grid = {from(1, 8), from(1, 8)};
    first = from(0, grid.size() - 1);
    rows = std::min<std::int64_t>(grid.size() - first, 4);
    const std::int64_t shots = from(0, 9) == 0 ? from(8, 30) : from(1, 6);
    const std::int64_t channels = from(0, 9) == 0   ? from(260, 1100)
                                  : from(0, 1) == 0 ? 4 * from(4, 20)
                                                    : from(9, 70);
    const double noise = std::pow(10.0, -static_cast<double>(from(0, 20)) / 10);
    query = unit_features({1, grid.size(), channels}, random());
    reference = from(0, 3) == 0 ? unit_features({shots * grid.size(), channels}, random())
                                : resembling(query[0], shots, noise, random());
    if (from(0, 4) == 0) reference = reference.index_select(0, at::arange(reference.size(0)).div(3, "floor"));
    options.penalty = EnumNames<Penalty>::values[from(0, std::size(EnumNames<Penalty>::values) - 1)].first;
    options.gamma = from(0, 3) == 0 ? 0.0 : std::pow(10.0, -static_cast<double>(from(0, 3)));
  }

  template <int kThreads, int kCapacity, Keeps kKeeps>
  void expect_exact() const {
    const auto stretch = query.narrow(1, first, rows);
    const auto exact = match_plain(query.to(at::kDouble), reference.to(at::kDouble), grid, options);
    const auto found = kernel_on_host<kThreads, kCapacity, kKeeps>(stretch, reference, grid, options, first);
    EXPECT_TENSORS_NEAR(found.reference, exact.reference.narrow(1, first, rows), kTolerance);
    EXPECT_TENSORS_NEAR(found.residual, exact.residual.narrow(1, first, rows), kTolerance);
    EXPECT_TENSORS_NEAR(found.residual_norm, exact.residual_norm.narrow(1, first, rows), kTolerance);
  }

  template <int kThreads, int kCapacity>
  void expect_exact(int form) const {
    if (form == 0) return expect_exact<kThreads, kCapacity, Keeps::scores>();
    if (form == 1) return expect_exact<kThreads, kCapacity, Keeps::penalties>();
    expect_exact<kThreads, kCapacity, Keeps::nothing>();
  }
};

TEST(CudaKernelOnHost, EqualsThePlainFormOnAnyCase) {
  const char* asked = std::getenv("RES2CLIP_KERNEL_CASES");  // thousands, after a change of the kernel
  const int cases = asked ? std::atoi(asked) : 90;
  std::mt19937 random(1);
  for (int i = 0; i < cases && !HasFailure(); ++i) {
    const AnyCase any(random);
    SCOPED_TRACE("case " + std::to_string(i) + ": " + std::to_string(any.grid.rows) + "x" +
                 std::to_string(any.grid.cols) + " patches, a bank of " +
                 std::to_string(any.reference.size(0)) + " x " + std::to_string(any.reference.size(1)) +
                 ", " + std::string(name_of(any.options.penalty)));
    if (i / 3 % 3 == 0) any.expect_exact<32, 64>(i % 3);
    if (i / 3 % 3 == 1) any.expect_exact<64, 256>(i % 3);
    if (i / 3 % 3 == 2) any.expect_exact<192, 1024>(i % 3);
  }
}

/// The threshold of scores relative to their maximum by whole numbers, one thread.
DepthMass support_of(const at::Tensor& relative, unsigned limit = kTooDeep) {
  return climb_to_support(limit, [&](unsigned bound) {
    DepthMass mass{};
    for (std::int64_t i = 0; i < relative.numel(); ++i)
      mass.add_if_above(depth_of(relative.const_data_ptr<float>()[i]), bound);
    return mass;
  });
}

TEST(FixedPointThreshold, EqualsTheOneInDoubleWithinHalfAUnit) {
  for (const double spread : {1e-6, 1e-3, 0.05, 1.0, 100.0})
    for (const std::int64_t length : {1, 2, 63, 1000}) {
      const auto scores = at::randn({length}) * spread;
      const auto relative = (scores - scores.max()).contiguous();
      const double exact = sparsemax_threshold(relative.const_data_ptr<float>(), length);
      EXPECT_NEAR(-drop_of(support_of(relative)), exact, 1.0 / 8589934592.0 + 1e-15)
          << spread << " " << length;
    }
}

TEST(FixedPointThreshold, RoundsNoDifferenceOfUsualSimilarities) {
  const auto similarities = at::rand({1000}) * 0.99 + 0.002;
  const auto relative = (similarities - similarities.max()).contiguous();
  for (std::int64_t i = 0; i < relative.numel(); ++i) {
    const float score = relative[i].item<float>();
    EXPECT_EQ(static_cast<double>(depth_of(score)), -static_cast<double>(score) * 4294967296.0);
  }
}

TEST(FixedPointThreshold, HoldsTheSumOfTheLargestBank) {
  const DepthMass most{(kUnitsPerOne - 256) * 0x7fffffffULL, 0x7fffffff};  // all but 1 below the maximum
  EXPECT_EQ(limit_of(most), 0xffffff00U + 3);  // 2^32 / (2^31 - 1) units lower, rounded up
  EXPECT_NEAR(drop_of(most), 1.0, 1e-7);
  EXPECT_EQ(limit_of({0, 1}), kTooDeep);
}

TEST(FixedPointThreshold, CallsNoScoreOneBelowTheBestASupport) {
  for (const float below : {-1.0f, -1.5f, -INFINITY}) EXPECT_EQ(depth_of(below), kTooDeep);
  EXPECT_LT(depth_of(-0.99999994f), kTooDeep);
  EXPECT_EQ(support_of(at::tensor({0.0f, -1.0f, -1.0f})).count, 1);
}

TEST(FixedPointThreshold, PassesEveryScoreAboveALimitThroughTheQuickTest) {
  for (const float score : {-1e-9f, -1e-4f, -0.3f, -0.5f, -0.75f, -0.9999f, -0.99999994f})
    EXPECT_GT(score, score_below(depth_of(score) + 1)) << score;
}

/// A number as tensor cores read it in TF32: ten bits of mantissa, the rest cut off (what the hardware does)
/// or rounded to the nearest.
at::Tensor as_tf32(const at::Tensor& values, bool rounded) {
  auto bits = values.clone().view(at::kInt);
  if (rounded) bits = bits + 0x1000;
  return bits.bitwise_and(~0x1fff).view(at::kFloat);
}

TEST(Tf32Similarities, MoveResidualNormsByTheRoundingOfTf32) {
  const Grid grid{12, 12};  // similarities as one object's features have them, mostly from 0.4 to 0.9
  const auto common = at::randn({1, 768}), places = at::randn({144, 768});
  const auto image = [&] {
    const auto values = common + 0.6 * places + 0.5 * at::randn({144, 768});
    return values / values.norm(2, -1, true);
  };
  const auto query = image().unsqueeze(0), reference = at::cat({image(), image(), image(), image()});
  const auto rows = query.narrow(1, 0, 36);
  const auto exact = match_plain(query, reference, grid, {}).residual_norm.narrow(1, 0, 36);
  for (const bool rounded : {false, true}) {
    const auto similarities = as_tf32(rows[0], rounded).matmul(as_tf32(reference, rounded).t()).contiguous();
    const auto found = kernel_on_host<192, 1024>(rows, reference, similarities, grid, {});
    const double moved = testing::largest_difference(found.residual_norm, exact);
    std::cout << "TF32 similarities, " << (rounded ? "rounded" : "cut off")
              << ", move residual norms by up to " << moved << "\n";
    EXPECT_LT(moved, 5e-5);
    EXPECT_GT(moved, 0);
  }
}

}  // namespace
}  // namespace res2clip
