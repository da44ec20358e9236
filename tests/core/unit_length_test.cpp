#include "res2clip/core/unit_length.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace res2clip {
namespace {

TEST(UnitLength, LeavesAZeroVectorAtZero) {
  const at::Tensor vectors = at::tensor({3.0f, 4.0f, 0.0f, 0.0f}).view({2, 2});
  // 3/5 and 4/5 to the last bit: 25 has an exact root.
  EXPECT_TRUE(at::equal(unit_length(vectors), at::tensor({0.6f, 0.8f, 0.0f, 0.0f}).view({2, 2})));
}

TEST(UnitLength, KeepsWhatIsNotFiniteRecognisable) {
  const at::Tensor found = unit_length(at::tensor({std::nanf(""), 1.0f}));
  EXPECT_TRUE(found.isnan().all().item<bool>());
}

}  // namespace
}  // namespace res2clip
