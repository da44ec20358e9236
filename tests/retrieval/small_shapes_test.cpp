// Every form of the matching kernel on shapes so small that compute-sanitizer's race check is done with them
// in seconds (scripts/gpu_acceptance.sh runs it on these).
#include "res2clip/retrieval/match.hpp"

#include "forms.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::resembling;
using testing::unit_features;

constexpr double kTolerance = 5e-6;  // retrieval's tolerance in the goldens

class SmallShapes : public testing::EveryDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, SmallShapes, testing::kDevices, testing::device_name);

void expect_as_plain(const at::Tensor& query, const at::Tensor& reference, const Grid& grid,
                     const MatchOptions& options, c10::Device device) {
  const Match found = match(query.to(device), reference.to(device), grid, options);
  const Match expected = match_plain(query.to(at::kDouble), reference.to(at::kDouble), grid, options);
  EXPECT_TENSORS_NEAR(found.reference, expected.reference, kTolerance);
  EXPECT_TENSORS_NEAR(found.residual_norm, expected.residual_norm, kTolerance);
}

TEST_P(SmallShapes, WithEveryPenaltyMatchAsThePlainFormDoes) {
  const Grid grid{2, 3};
  const auto query = unit_features({1, grid.size(), 20}, 1);
  for (const std::int64_t shots : {1, 40}) {
    const auto reference = resembling(query[0], shots, 0.4, 2);
    for (const auto& [penalty, name] : EnumNames<Penalty>::values) {
      SCOPED_TRACE(std::string(name) + ", " + std::to_string(shots));
      expect_as_plain(query, reference, grid, {.penalty = penalty}, device());
    }
  }
}

TEST_P(SmallShapes, WithManyEqualReferencesMatchAsThePlainFormDoes) {
  const Grid grid{2, 2};
  const auto query = unit_features({1, grid.size(), 8}, 3);
  expect_as_plain(query, query[0].repeat({300, 1}), grid, {}, device());
}

TEST_P(SmallShapes, WithABankTooLargeForSharedMemoryMatchAsThePlainFormDoes) {
  const Grid grid{1, 2};
  const auto query = unit_features({1, grid.size(), 4}, 4);
  expect_as_plain(query, resembling(query[0], 35000, 0.9, 5), grid, {}, device());
}

TEST_P(SmallShapes, WithAsManyChannelsAsAFullSizeBackboneMatchAsThePlainFormDoes) {
  const Grid grid{1, 2};
  const auto query = unit_features({1, grid.size(), 768}, 6);
  expect_as_plain(query, resembling(query[0], 3, 0.4, 7), grid, {}, device());
}

}  // namespace
}  // namespace res2clip
