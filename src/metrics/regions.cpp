#include "res2clip/metrics/regions.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <c10/util/Exception.h>

namespace res2clip {
namespace {

/// The root of a run's tree, halving the path on the way.
std::int64_t root_of(std::vector<RegionRun>& runs, std::int64_t run) {
  while (runs[run].region != run) {
    runs[run].region = runs[runs[run].region].region;
    run = runs[run].region;
  }
  return run;
}

/// Joins two trees under the run that comes first, so that a root is its region's first run.
void join(std::vector<RegionRun>& runs, std::int64_t a, std::int64_t b) {
  a = root_of(runs, a);
  b = root_of(runs, b);
  runs[std::max(a, b)].region = std::min(a, b);
}

/// Appends the runs of one row, each its own region.
void append_runs(std::vector<RegionRun>& runs, const std::uint8_t* row, std::int64_t cols,
                 std::int64_t offset) {
  std::int64_t col = 0;
  while (col < cols) {
    while (col < cols && row[col] == 0) ++col;
    if (col == cols) return;
    const std::int64_t begin = col;
    while (col < cols && row[col] != 0) ++col;
    runs.push_back({offset + begin, offset + col, static_cast<std::int64_t>(runs.size())});
  }
}

/// Joins the runs of a row (from `current` on) with those of the row above (`above` .. `current - 1`) that
/// touch them, diagonally too.
void join_rows(std::vector<RegionRun>& runs, std::int64_t above, std::int64_t current, std::int64_t cols) {
  const std::int64_t end = static_cast<std::int64_t>(runs.size());
  std::int64_t upper = above;
  for (std::int64_t lower = current; lower < end; ++lower) {
    const std::int64_t begin = runs[lower].begin - cols;  // in the row above
    const std::int64_t stop = runs[lower].end - cols;
    while (upper < current && runs[upper].end < begin) ++upper;
    for (std::int64_t other = upper; other < current && runs[other].begin <= stop; ++other)
      join(runs, other, lower);
  }
}

}  // namespace

Regions connected_regions(std::span<const std::uint8_t> mask, std::int64_t rows, std::int64_t cols) {
  TORCH_INTERNAL_ASSERT(static_cast<std::int64_t>(mask.size()) == rows * cols);
  Regions regions;
  auto& runs = regions.runs;
  std::int64_t above = 0;  // first run of the row above
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto current = static_cast<std::int64_t>(runs.size());
    append_runs(runs, mask.data() + row * cols, cols, row * cols);
    join_rows(runs, above, current, cols);
    above = current;
  }
  // A root comes before the rest of its region, so its number is known when the others ask for it.
  for (std::int64_t run = 0; run < static_cast<std::int64_t>(runs.size()); ++run) {
    if (runs[run].region == run) {
      runs[run].region = static_cast<std::int64_t>(regions.areas.size());
      regions.areas.push_back(0);
    } else {
      runs[run].region = runs[runs[run].region].region;
    }
    regions.areas[runs[run].region] += runs[run].end - runs[run].begin;
  }
  return regions;
}

}  // namespace res2clip
