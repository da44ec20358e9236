#pragma once

#include <cstdint>

namespace res2clip {

/// The patch grid of an image: N = rows * cols patches, row-major.
struct Grid {
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  std::int64_t size() const { return rows * cols; }
  bool operator==(const Grid&) const = default;
};

}  // namespace res2clip
