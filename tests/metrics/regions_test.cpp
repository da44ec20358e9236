#include "res2clip/metrics/regions.hpp"

#include <cstdint>
#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "res2clip/core/random.hpp"

#include "metrics/plain.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// "#" is anomalous; all rows equally long.
std::vector<std::uint8_t> mask_of(const std::vector<std::string>& rows) {
  std::vector<std::uint8_t> mask;
  for (const auto& row : rows)
    for (const char pixel : row) mask.push_back(pixel == '#' ? 1 : 0);
  return mask;
}

std::vector<int> labels_of(const Regions& regions, std::size_t size) {
  std::vector<int> labels(size, 0);
  for (const auto& run : regions.runs)
    for (auto pixel = run.begin; pixel < run.end; ++pixel) labels[pixel] = static_cast<int>(run.region) + 1;
  return labels;
}

TEST(Regions, AnEmptyMaskHasNone) {
  EXPECT_THAT(connected_regions(mask_of({"...", "..."}), 2, 3).areas, IsEmpty());
  EXPECT_THAT(connected_regions({}, 0, 0).areas, IsEmpty());
}

TEST(Regions, TouchingAtACornerIsOneRegion) {
  EXPECT_THAT(connected_regions(mask_of({"#..", ".#.", "#.."}), 3, 3).areas, ElementsAre(3));
  EXPECT_THAT(connected_regions(mask_of({"..#", ".#.", "..."}), 3, 3).areas, ElementsAre(2));
}

TEST(Regions, TheEndOfARowDoesNotTouchTheStartOfTheNext) {
  EXPECT_THAT(connected_regions(mask_of({"...#", "#...", "...#", "#..."}), 4, 4).areas,
              ElementsAre(1, 1, 1, 1));
}

TEST(Regions, ArmsThatMeetBelowAreOneRegionNumberedByItsFirstPixel) {
  const auto mask = mask_of({"#.#.#", "#.#..", "###.#"});
  const auto regions = connected_regions(mask, 3, 5);
  EXPECT_THAT(regions.areas, ElementsAre(7, 1, 1));
  EXPECT_EQ(labels_of(regions, mask.size()), testing::plain_regions(mask, 3, 5));
}

TEST(Regions, RandomMasksOfAllDensitiesAgreeWithFlooding) {
  RandomStream random(5);
  for (int round = 0; round < 300; ++round) {
    const auto rows = static_cast<std::int64_t>(1 + random.below(24));
    const auto cols = static_cast<std::int64_t>(1 + random.below(24));
    const double density = random.uniform();
    std::vector<std::uint8_t> mask;
    for (std::int64_t i = 0; i < rows * cols; ++i) mask.push_back(random.uniform() < density ? 255 : 0);
    const auto regions = connected_regions(mask, rows, cols);
    const auto expected = testing::plain_regions(mask, rows, cols);
    ASSERT_EQ(labels_of(regions, mask.size()), expected) << rows << "x" << cols << ", round " << round;
    std::vector<std::int64_t> areas(regions.areas.size(), 0);
    for (const int label : expected)
      if (label > 0) ++areas[label - 1];
    ASSERT_EQ(regions.areas, areas);
  }
}

}  // namespace
}  // namespace res2clip
