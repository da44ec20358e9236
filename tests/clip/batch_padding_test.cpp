#include "clip/batch_padding.hpp"

#include <gtest/gtest.h>

namespace res2clip {
namespace {

TEST(BatchPadding, EncodesTheLastBatchOfAListAsTheOthers) {
  BatchPadding padding;
  EXPECT_EQ(padding.size_for(16), 16);
  padding.encoded(16);
  EXPECT_EQ(padding.size_for(16), 16);
  EXPECT_EQ(padding.size_for(7), 16);
  EXPECT_EQ(padding.size_for(32), 32);
}

TEST(BatchPadding, LeavesASizeThatComesOftenAsItIs) {
  BatchPadding padding;
  padding.encoded(16);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(padding.size_for(1), 16);
  EXPECT_EQ(padding.size_for(1), 1);
  EXPECT_EQ(padding.size_for(2), 16) << "each size is counted alone";
}

TEST(BatchPadding, AsksForNoSizeThatMemoryRanOutFor) {
  BatchPadding padding;
  padding.encoded(16);
  padding.forget();
  EXPECT_EQ(padding.size_for(7), 7);
  padding.encoded(7);
  EXPECT_EQ(padding.size_for(3), 7);
}

}  // namespace
}  // namespace res2clip
