#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/goldens.hpp"

// What makes a kernel host code comes before the kernel.
// clang-format off
#include "retrieval/cuda_on_host.hpp"
#include "clip/cuda/tower_rows_kernel.cuh"
// clang-format on

namespace res2clip {
namespace {

constexpr double kTolerance = 2e-6;  // values near 1; sums of up to a thousand in another order

unsigned blocks_of(std::int64_t rows) {
  return static_cast<unsigned>((rows + cuda::kRowsOfBlock - 1) / cuda::kRowsOfBlock);
}

template <class Kernel>
void run(std::int64_t rows, const Kernel& kernel) {
  testing::BlockOfFibers::launch(blocks_of(rows), cuda::kRowsOfBlock * cuda::kLanes, 0, kernel);
}

at::Tensor filled(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed));
}

struct RowsCase {
  std::int64_t images, tokens, skipped;
};

template <int kSteps, class Out>
void expect_normalised(const RowsCase& rows, bool with_bias) {
  const std::int64_t width = kSteps * cuda::kRowStep;
  const auto x = filled({rows.images, rows.tokens, width}, 1), bias = filled({width}, 2);
  const auto scale = filled({width}, 3), shift = filled({width}, 4);
  const auto kept = rows.tokens - rows.skipped;
  const auto out = at::full({rows.images * kept, width}, -7, at::CppTypeToScalarType<Out>::value);
  const cuda::NormaliseRows task{x.const_data_ptr<float>(),
                                 with_bias ? bias.const_data_ptr<float>() : nullptr,
                                 scale.const_data_ptr<float>(),
                                 shift.const_data_ptr<float>(),
                                 out.data_ptr(),
                                 cuda::RowType::float32,
                                 rows.images,
                                 rows.tokens,
                                 rows.skipped,
                                 width};
  run(rows.images * kept, [&] { cuda::normalise_rows_kernel<kSteps, Out>(task); });
  const auto plain = at::layer_norm(with_bias ? x + bias : x, {width}, scale, shift, 1e-5)
                         .narrow(1, rows.skipped, kept)
                         .reshape({-1, width});
  // Half precision: the same number rounded, or its neighbour where the float32 sums straddle a boundary.
  const double spacing = std::is_same_v<Out, float>      ? kTolerance
                         : std::is_same_v<Out, at::Half> ? 8e-3
                                                         : 7e-2;
  EXPECT_TENSORS_NEAR(out.to(at::kFloat), plain, spacing);
}

TEST(TowerRows, NormalisesLikeLayerNormWithTheBiasAddedBefore) {
  for (const RowsCase& rows : {RowsCase{1, 1, 0}, RowsCase{2, 5, 1}, RowsCase{3, 4, 0}})
    for (const bool with_bias : {false, true}) {
      expect_normalised<1, float>(rows, with_bias);
      expect_normalised<6, float>(rows, with_bias);
      expect_normalised<8, at::Half>(rows, with_bias);
      expect_normalised<3, at::BFloat16>(rows, with_bias);
    }
}

TEST(TowerRows, EmbedsTheClassTokenBeforeEveryImagesPatches) {
  constexpr int kSteps = 2;
  const std::int64_t images = 3, tokens = 6, width = kSteps * cuda::kRowStep;
  const auto patches = filled({images, tokens - 1, width}, 1), start = filled({width}, 2);
  const auto positions = filled({tokens, width}, 3), scale = filled({width}, 4), shift = filled({width}, 5);
  const auto out = at::full({images, tokens, width}, -7.0f);
  const cuda::EmbedRows task{patches.const_data_ptr<float>(),
                             start.const_data_ptr<float>(),
                             positions.const_data_ptr<float>(),
                             scale.const_data_ptr<float>(),
                             shift.const_data_ptr<float>(),
                             out.data_ptr<float>(),
                             images,
                             tokens,
                             width};
  run(images * tokens, [&] { cuda::embed_rows_kernel<kSteps>(task); });
  const auto embedded = at::cat({start.expand({images, 1, width}), patches}, 1) + positions;
  EXPECT_TENSORS_NEAR(out, at::layer_norm(embedded, {width}, scale, shift, 1e-5), kTolerance);
}

TEST(TowerRows, MakesUnitLengthsInPlace) {
  const auto x = filled({7, 384}, 1) * 30;
  const auto plain = x / x.norm(2, {-1}, true);
  const auto not_finite = at::zeros({1}, at::kInt);
  const cuda::UnitRows task{x.data_ptr<float>(), not_finite.data_ptr<int>(), 7, 384};
  run(7, [&] { cuda::unit_rows_kernel<3>(task); });
  EXPECT_TENSORS_NEAR(x, plain, kTolerance);
  EXPECT_EQ(not_finite.item<int>(), 0);
}

TEST(TowerRows, TellsOfARowThatHasNoLength) {
  for (const float fault : {INFINITY, NAN, 3e38f}) {
    const auto x = filled({5, 128}, 1);
    x[4][17] = fault;  // in the last row, which the block's idle warps work on too
    const auto not_finite = at::zeros({1}, at::kInt);
    const cuda::UnitRows task{x.data_ptr<float>(), not_finite.data_ptr<int>(), 5, 128};
    run(5, [&] { cuda::unit_rows_kernel<1>(task); });
    EXPECT_EQ(not_finite.item<int>(), 1) << fault;
  }
}

}  // namespace
}  // namespace res2clip
