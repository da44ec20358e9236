#include "res2clip/core/random.hpp"

#include <gmock/gmock.h>

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

/// The first numbers of SplitMix64 from this state, as published with its reference implementation.
TEST(RandomStream, IsSplitMix64) {
  RandomStream stream(0);
  stream.restore(1234567);
  for (const std::uint64_t expected : {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                       4593380528125082431U, 16408922859458223821U})
    EXPECT_EQ(stream.next(), expected);
}

/// Data sets, references and trainings are drawn from streams of a seed and a name: these draws never change.
TEST(RandomStream, OfASeedAndANameDrawsTheSameInEveryVersion) {
  RandomStream pairs(111, "pairs");
  for (const std::uint64_t expected : {0xe6c568bd1d4a55edU, 0xa585a2f8ef9fb706U, 0xf59d2010522ab056U})
    EXPECT_EQ(pairs.next(), expected);
  EXPECT_THAT(RandomStream(3).permutation(10), ElementsAre(2, 9, 8, 5, 3, 4, 7, 6, 0, 1));
}

TEST(RandomStream, DependsOnSeedAndName) {
  const auto first = RandomStream(111, "pairs").next();
  EXPECT_NE(first, RandomStream(111, "shuffle").next());
  EXPECT_NE(first, RandomStream(112, "pairs").next());
}

TEST(RandomStream, GoesOnFromAStateThatWasKept) {
  RandomStream stream(7, "frozen");
  stream.next();
  const std::uint64_t kept = stream.state();
  const std::uint64_t expected = stream.next();
  RandomStream other(8);
  other.restore(kept);
  EXPECT_EQ(other.next(), expected);
}

TEST(RandomStream, APermutationHoldsEveryIndexOnce) {
  std::vector<std::int64_t> all(50);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  EXPECT_THAT(RandomStream(3).permutation(50), UnorderedElementsAreArray(all));
}

TEST(RandomStream, NumbersBelowABoundAreSpreadEvenly) {
  RandomStream stream(5);
  std::vector<int> counts(10);
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) ++counts[stream.below(counts.size())];
  // Five standard errors of a binomial count: 5 * sqrt(100000 * 0.1 * 0.9).
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 10, 475);
}

}  // namespace
}  // namespace res2clip
