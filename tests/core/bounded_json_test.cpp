#include "res2clip/core/bounded_json.hpp"

#include <string>

#include <gtest/gtest.h>

namespace res2clip {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(ParseBounded, GivesTheValueOfAText) {
  EXPECT_EQ(parse_bounded(R"({"a": [1, 2]})").at("a").at(1), 2);
  EXPECT_EQ(parse_bounded<nlohmann::ordered_json>(R"({"b": 1, "a": 2})").begin().key(), "b");
  EXPECT_TRUE(parse_bounded("{").is_discarded());
}

TEST(ParseBounded, TakesNeitherDepthNorNumbersWithoutEnd) {
  EXPECT_FALSE(parse_bounded(nested(16)).is_discarded());
  EXPECT_TRUE(parse_bounded(nested(18)).is_discarded());
  EXPECT_TRUE(parse_bounded(nested(1'000'000)).is_discarded());
  EXPECT_FALSE(parse_bounded("[1, 2, 3]", {.depth = 2, .values = 8}).is_discarded());
  EXPECT_TRUE(parse_bounded("[1, 2, 3, 4, 5, 6, 7, 8, 9]", {.depth = 2, .values = 8}).is_discarded());
}

}  // namespace
}  // namespace res2clip
