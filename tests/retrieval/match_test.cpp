#include "res2clip/retrieval/match.hpp"

#include <functional>

#include "res2clip/core/error.hpp"
#include "res2clip/settings/settings.hpp"

#include "forms.hpp"
#include "fused_forms.hpp"
#include "support/fails.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using ::testing::Each;
using testing::EveryForm;
using testing::Fails;
using ::testing::HasSubstr;
using testing::resembling;
using testing::unit_features;

constexpr double kTolerance = 5e-6;  // retrieval's tolerance in the goldens

/// The reference implementation in float64: what all forms approximate.
Match exact(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
            const MatchOptions& options) {
  return match_plain(query.to(at::kDouble), reference.to(at::kDouble), grid, options);
}

void expect_near(const Match& found, const Match& expected, double tolerance = kTolerance) {
  EXPECT_TENSORS_NEAR(found.reference, expected.reference, tolerance);
  EXPECT_TENSORS_NEAR(found.residual, expected.residual, tolerance);
  EXPECT_TENSORS_NEAR(found.residual_norm, expected.residual_norm, tolerance);
}

class MatchForms : public EveryForm {};
INSTANTIATE_TEST_SUITE_P(Forms, MatchForms, testing::kForms, testing::form_name);

TEST_P(MatchForms, EqualThePlainFormInDoubleOnEveryGridAndShotCount) {
  for (const Grid grid : {Grid{1, 1}, Grid{1, 7}, Grid{5, 5}, Grid{7, 7}, Grid{6, 11}, Grid{17, 23}})
    for (const std::int64_t shots : {1, 4, 8}) {
      SCOPED_TRACE(std::to_string(grid.rows) + "x" + std::to_string(grid.cols) + ", " +
                   std::to_string(shots));
      const auto query = unit_features({1, grid.size(), 16}, 1);
      const auto reference = resembling(query[0], shots, 0.3, 2);
      expect_near(GetParam()(query, reference, grid, {}), exact(query, reference, grid, {}));
    }
}

TEST_P(MatchForms, EqualThePlainFormInDoubleWithEveryPenalty) {
  const Grid grid{9, 8};
  const auto query = unit_features({2, grid.size(), 32}, 3);
  const auto reference = resembling(query[0], 3, 0.5, 4);
  for (const auto& [penalty, name] : EnumNames<Penalty>::values)
    for (const double gamma : {0.0, 0.01, 1.0}) {
      SCOPED_TRACE(name);
      const MatchOptions options{.penalty = penalty, .gamma = gamma};
      expect_near(GetParam()(query, reference, grid, options), exact(query, reference, grid, options));
    }
}

TEST_P(MatchForms, EqualThePlainFormInDoubleWithEveryWeighting) {
  const Grid grid{9, 8};
  const auto query = unit_features({2, grid.size(), 48}, 30);
  const auto reference = resembling(query[0], 3, 0.5, 31);
  for (const bool pooled : {false, true}) {
    for (const std::int64_t neighbours : {1, 2, 5, 64, 65, 216, 1000}) {
      SCOPED_TRACE(std::to_string(neighbours) + (pooled ? ", pooled" : ""));
      const MatchOptions options{
          .weighting = Weighting::top_k, .neighbours = neighbours, .pooled_similarity = pooled};
      expect_near(GetParam()(query, reference, grid, options), exact(query, reference, grid, options));
    }
    const MatchOptions options{.pooled_similarity = pooled};
    expect_near(GetParam()(query, reference, grid, options), exact(query, reference, grid, options));
  }
}

TEST_P(MatchForms, EqualThePlainFormInDoubleWithUnrelatedReferences) {
  const Grid grid{10, 10};  // similarities all alike: large supports
  const auto query = unit_features({2, 100, 512}, 5), reference = unit_features({400, 512}, 6);
  expect_near(GetParam()(query, reference, grid, {}), exact(query, reference, grid, {}));
}

TEST_P(MatchForms, APatchThatIsInTheBankIsMatchedWithItself) {
  const Grid grid{4, 4};
  const auto query = at::eye(16).reshape({1, 16, 16});  // any other is a full 1 less similar
  const auto found = GetParam()(query, query[0], grid, {});
  EXPECT_TENSORS_NEAR(found.reference, query, 0);
  EXPECT_TENSORS_NEAR(found.residual_norm, at::zeros({1, 16}), 0);
}

TEST_P(MatchForms, OneReferenceIsMatchedWhateverItLooksLike) {
  const auto query = unit_features({3, 1, 8}, 7), reference = unit_features({1, 8}, 8);
  const auto found = GetParam()(query, reference, {1, 1}, {});
  EXPECT_TENSORS_NEAR(found.reference, reference.expand({3, 1, 8}), 1e-6);  // normalised once more
}

TEST_P(MatchForms, EqualReferencesShareTheWeight) {
  const Grid grid{8, 9};
  const auto query = unit_features({1, grid.size(), 24}, 9);
  const auto reference = unit_features({1, 24}, 10).repeat({4 * grid.size(), 1});
  for (const auto penalty : {Penalty::none, Penalty::radial}) {
    const MatchOptions options{.penalty = penalty, .gamma = 0.1};
    const auto found = GetParam()(query, reference, grid, options);
    EXPECT_TENSORS_NEAR(found.reference[0], reference.narrow(0, 0, grid.size()), kTolerance);
  }
}

TEST_P(MatchForms, RepeatingTheBankChangesNothing) {
  const Grid grid{6, 6};  // every support doubles, at half the weight
  const auto query = unit_features({1, 36, 12}, 11), reference = resembling(query[0], 2, 0.4, 12);
  const auto repeated = GetParam()(query, reference.repeat({2, 1}), grid, {});
  expect_near(repeated, exact(query, reference.repeat({2, 1}), grid, {}));
}

TEST_P(MatchForms, AZeroQueryPatchIsMatchedByPlaceAlone) {
  const Grid grid{5, 5};
  auto query = unit_features({1, 25, 8}, 13);
  query[0][12].zero_();
  const auto reference = unit_features({25, 8}, 14);
  const MatchOptions options{.gamma = 1.0};
  const auto found = GetParam()(query, reference, grid, options);
  expect_near(found, exact(query, reference, grid, options));
  EXPECT_TENSORS_NEAR(found.reference[0][12], reference[12], 1e-6);  // the centre's own place
}

TEST_P(MatchForms, ReferencesThatCancelOutLeaveTheQueryAsResidual) {
  const auto query = at::zeros({1, 1, 4});
  const auto reference = at::tensor({1.0f, 0.0f, 0.0f, 0.0f, -1.0f, 0.0f, 0.0f, 0.0f}).reshape({2, 4});
  const auto found = GetParam()(query, reference, {1, 1}, {});
  EXPECT_TENSORS_NEAR(found.reference, query, 0);
  EXPECT_TENSORS_NEAR(found.residual, query, 0);
  EXPECT_TENSORS_NEAR(GetParam()(query, at::zeros({3, 4}), {1, 1}, {}).reference, query, 0);
}

TEST_P(MatchForms, NanInOneQueryPatchStaysThere) {
  const Grid grid{9, 9};
  auto query = unit_features({2, 81, 8}, 15);
  const auto reference = resembling(query[0], 2, 0.3, 16);
  const auto clean = GetParam()(query, reference, grid, {});
  query[1][40][3] = std::numeric_limits<float>::quiet_NaN();
  const auto found = GetParam()(query, reference, grid, {});
  EXPECT_TRUE(found.reference[1][40].isnan().all().item<bool>());
  EXPECT_TRUE(found.residual[1][40].isnan().all().item<bool>());
  EXPECT_EQ(found.residual_norm.isnan().sum().item<int>(), 1);
  EXPECT_TENSORS_NEAR(found.reference[0], clean.reference[0], 0);
}

TEST_P(MatchForms, NanInTheBankReachesEverything) {
  const Grid grid{9, 9};
  const auto query = unit_features({1, 81, 8}, 17);
  for (const int place : {0, 70, 161}) {
    auto reference = resembling(query[0], 2, 0.3, 18);
    reference[place][0] = std::numeric_limits<float>::quiet_NaN();
    const auto found = GetParam()(query, reference, grid, {});
    EXPECT_TRUE(found.reference.isnan().all().item<bool>());
    EXPECT_TRUE(found.residual_norm.isnan().all().item<bool>());
  }
}

TEST_P(MatchForms, AnInfinityInTheBankMakesEverythingNan) {
  const Grid grid{9, 9};
  const auto query = unit_features({1, 81, 8}, 32).abs();
  for (const float infinity : {INFINITY, -INFINITY}) {
    auto reference = resembling(query[0], 2, 0.3, 33);
    reference[70][3] = infinity;
    for (const auto weighting : {Weighting::sparsemax, Weighting::top_k})
      EXPECT_TRUE(GetParam()(query, reference, grid, {.weighting = weighting})
                      .residual_norm.isnan()
                      .all()
                      .item<bool>())
          << infinity;
  }
}

TEST_P(MatchForms, LargeFeaturesPickTheBestReference) {
  const Grid grid{5, 5};
  const auto query = unit_features({1, 25, 8}, 19) * 1e4;
  const auto reference = unit_features({50, 8}, 20) * 1e4;
  // Similarities of 1e8: rounded to 8, so that all but the best are more than 1 away from it.
  const auto best = query[0].matmul(reference.t()).argmax(-1);
  const auto expected = reference.index_select(0, best) / 1e4;
  EXPECT_TENSORS_NEAR(GetParam()(query, reference, grid, {}).reference[0], expected, kTolerance);
}

TEST_P(MatchForms, TakeFeaturesOfAnyMemoryLayout) {
  const Grid grid{4, 5};
  const auto query = unit_features({2, 20, 8}, 21), reference = resembling(query[0], 2, 0.3, 22);
  const auto strided_query = query.transpose(0, 2).contiguous().transpose(0, 2);
  const auto strided_reference = reference.t().contiguous().t();
  expect_near(GetParam()(strided_query, strided_reference, grid, {}), exact(query, reference, grid, {}));
}

TEST_P(MatchForms, AnEmptyBatchGivesAnEmptyResult) {
  const auto found = GetParam()(at::empty({0, 4, 8}), unit_features({4, 8}, 23), {2, 2}, {});
  EXPECT_EQ(found.reference.sizes(), (at::IntArrayRef{0, 4, 8}));
  EXPECT_EQ(found.residual_norm.sizes(), (at::IntArrayRef{0, 4}));
}

TEST_P(MatchForms, NoGradientFlowsThroughThem) {
  const auto query = unit_features({1, 4, 8}, 24).requires_grad_(true);
  EXPECT_FALSE(GetParam()(query, unit_features({4, 8}, 25), {2, 2}, {}).residual.requires_grad());
}

TEST(Match, HasAFusedFormForEveryStrategy) {
  for (const auto& [penalty, name] : EnumNames<Penalty>::values)
    for (const auto& [weighting, other_name] : EnumNames<Weighting>::values)
      for (const bool pooled : {false, true})
        EXPECT_TRUE(has_fused_form({.weighting = weighting, .penalty = penalty, .pooled_similarity = pooled},
                                   at::kCPU))
            << name << " " << other_name;
}

TEST(Match, TopKTakesAllReferencesWhereTheBankHoldsFewer) {
  const auto query = unit_features({1, 4, 8}, 26), reference = unit_features({4, 8}, 27);
  const MatchOptions options{.weighting = Weighting::top_k, .neighbours = 100};
  EXPECT_TENSORS_NEAR(match(query, reference, {2, 2}, options).residual_norm,
                      exact(query, reference, {2, 2}, options).residual_norm, kTolerance);
}

/// All forms of matching, one after the other: each of them checks its input.
std::vector<std::function<void()>> matching(const at::Tensor& query, const at::Tensor& reference,
                                            const Grid& grid) {
  std::vector<std::function<void()>> actions;
  for (const auto form : {match, match_plain, match_fused})
    actions.push_back([=] { form(query, reference, grid, {}); });
  return actions;
}

TEST(Match, WhatDoesNotFitTogetherIsAnErrorThatSaysWhat) {
  const auto query = unit_features({1, 4, 8}, 28), reference = unit_features({8, 8}, 29);
  EXPECT_THAT(matching(query, reference, {2, 3}),
              Each(Fails(ErrorKind::data, HasSubstr("4 patches, its grid 2x3"))));
  EXPECT_THAT(matching(query, reference, {-2, -2}), Each(Fails(ErrorKind::data, HasSubstr("grid"))));
  EXPECT_THAT(matching(query, reference.narrow(0, 0, 7), {2, 2}),
              Each(Fails(ErrorKind::data, HasSubstr("7 patches, not a multiple"))));
  EXPECT_THAT(matching(query, reference.narrow(0, 0, 0), {2, 2}),
              Each(Fails(ErrorKind::data, HasSubstr("empty"))));
  EXPECT_THAT(matching(query, reference.narrow(1, 0, 7), {2, 2}),
              Each(Fails(ErrorKind::data, HasSubstr("query 8, bank 7"))));
  EXPECT_THAT(matching(query[0], reference, {2, 2}), Each(Fails(ErrorKind::data, HasSubstr("[B, N, D]"))));
  EXPECT_THAT(matching(query.to(at::kHalf), reference.to(at::kHalf), {2, 2}),
              Each(Fails(ErrorKind::data, HasSubstr("float32"))));
  EXPECT_THAT(matching(query, reference.to(at::kDouble), {2, 2}),
              Each(Fails(ErrorKind::data, HasSubstr("float32"))));
}

TEST(MatchOptions, AreReadFromSettings) {
  MatchOptions options;
  SettingsLayer::from_text("{weighting: top_k, penalty: polar_linear, gamma: 0.1, neighbours: 2}", "t")
      .apply(options);
  EXPECT_EQ(options.weighting, Weighting::top_k);
  EXPECT_EQ(options.penalty, Penalty::polar_linear);
  EXPECT_EQ(options.gamma, 0.1);
  EXPECT_EQ(options.neighbours, 2);
  EXPECT_THAT([&] { SettingsLayer::from_text("neighbours: 0", "t").apply(options); },
              Fails(ErrorKind::settings, HasSubstr("t:1: neighbours")));
  EXPECT_THAT([&] { SettingsLayer::from_text("temperature: 0", "t").apply(options); },
              Fails(ErrorKind::settings, HasSubstr("t:1: temperature")));
  EXPECT_THAT([&] { SettingsLayer::from_text("gamma: -1", "t").apply(options); },
              Fails(ErrorKind::settings, HasSubstr("t:1: gamma")));
  EXPECT_THAT([&] { SettingsLayer::from_text("penalty: radical", "t").apply(options); },
              Fails(ErrorKind::settings, HasSubstr("t:1: penalty")));
}

}  // namespace
}  // namespace res2clip
