#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace res2clip {

/// Pixels begin .. end - 1 (row-major) of one row, all anomalous, with a normal pixel or the border on both
/// sides.
struct RegionRun {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t region = 0;  ///< which region they belong to
};

struct Regions {
  std::vector<RegionRun> runs;      ///< in row-major order
  std::vector<std::int64_t> areas;  ///< pixels of each region; regions are numbered by their first pixel
};

/// The 8-connected regions of nonzero pixels of a mask [rows, cols].
Regions connected_regions(std::span<const std::uint8_t> mask, std::int64_t rows, std::int64_t cols);

}  // namespace res2clip
