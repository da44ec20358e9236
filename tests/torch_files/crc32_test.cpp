#include "res2clip/torch_files/crc32.hpp"

#include <gtest/gtest.h>

namespace res2clip {
namespace {

TEST(Crc32, EqualsThePublishedCheckValueAndContinues) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926u);
  EXPECT_EQ(crc32("456789", crc32("123")), 0xCBF43926u);
  EXPECT_EQ(crc32(""), 0u);
}

}  // namespace
}  // namespace res2clip
