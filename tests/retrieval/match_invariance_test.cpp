#include <ATen/Parallel.h>

#include "forms.hpp"
#include "fused_forms.hpp"
#include "support/goldens.hpp"

namespace res2clip {
namespace {

using testing::EveryForm;
using testing::resembling;
using testing::unit_features;

void expect_identical(const Match& found, const Match& expected) {
  EXPECT_TRUE(at::equal(found.reference, expected.reference));
  EXPECT_TRUE(at::equal(found.residual, expected.residual));
  EXPECT_TRUE(at::equal(found.residual_norm, expected.residual_norm));
}

class MatchInvariance : public ::testing::Test {
 protected:
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  int threads_ = at::get_num_threads();
};

TEST_F(MatchInvariance, TheFusedCpuFormGivesTheSameBitsForEveryThreadCount) {
  for (const Grid grid : {Grid{3, 3}, Grid{12, 12}, Grid{37, 37}}) {
    const auto query = unit_features({2, grid.size(), 64}, 1);
    const auto reference = resembling(query[0], 2, 0.4, 2);
    at::set_num_threads(1);
    const auto expected = match_fused(query, reference, grid, {});
    for (const int threads : {2, 3, 8}) {
      at::set_num_threads(threads);
      expect_identical(match_fused(query, reference, grid, {}), expected);
    }
  }
}

TEST_F(MatchInvariance, TheFusedCpuFormGivesTheSameBitsForEveryBatchSize) {
  for (const Grid grid : {Grid{3, 3}, Grid{12, 12}, Grid{23, 29}}) {
    const auto query = unit_features({5, grid.size(), 64}, 3);
    const auto reference = resembling(query[0], 3, 0.4, 4);
    for (const MatchOptions& options : {MatchOptions{}, MatchOptions{.weighting = Weighting::top_k},
                                        MatchOptions{.pooled_similarity = true}}) {
      const auto together = match_fused(query, reference, grid, options);
      for (std::int64_t image = 0; image < 5; ++image) {
        const auto alone = match_fused(query.narrow(0, image, 1), reference, grid, options);
        expect_identical({together.reference.narrow(0, image, 1), together.residual.narrow(0, image, 1),
                          together.residual_norm.narrow(0, image, 1)},
                         alone);
      }
    }
  }
}

class MatchBatches : public EveryForm {};
INSTANTIATE_TEST_SUITE_P(Forms, MatchBatches, testing::kForms, testing::form_name);

TEST_P(MatchBatches, GiveTheSameForEveryBatchSize) {
  const Grid grid{11, 13};
  const auto query = unit_features({4, grid.size(), 48}, 5), reference = resembling(query[0], 4, 0.4, 6);
  const auto together = GetParam()(query, reference, grid, {});
  for (std::int64_t image = 0; image < 4; ++image)
    EXPECT_TENSORS_NEAR(GetParam()(query.narrow(0, image, 1), reference, grid, {}).reference,
                        together.reference.narrow(0, image, 1), 5e-6);  // retrieval's tolerance
}

}  // namespace
}  // namespace res2clip
