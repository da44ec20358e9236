#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace res2clip {

/// A rectangle of pixels, left-top corner and size.
struct Box {
  std::int64_t x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Box&) const = default;
};

/// Where an anomaly map is hottest.
struct HottestRegion {
  Box box;               ///< in pixels of the image, inside it
  double peak = 0;       ///< the map's maximum
  double threshold = 0;  ///< the value that the region's pixels reach
  at::Tensor mask;       ///< uint8 [S, S], 1 in the region, in pixels of the map
};

/// The 8-connected region around the map's maximum (the first in row-major order where several are equal)
/// whose values reach median + fraction * (maximum - median); its box is scaled from the map's pixels to
/// those of an image of `height` x `width`, rounded outwards. A constant map is one region as large as the
/// image. With `inside` (bool [S, S], at least one true) pixels outside count nothing and belong to no
/// region. `map` is float32 [S, S] (any rows and columns) without NaN, which are a data error.
HottestRegion hottest_region(const at::Tensor& map, std::int64_t height, std::int64_t width, double fraction,
                             const at::Tensor& inside = {});

/// One of several regions of an anomaly map.
struct MapRegion {
  Box box;                ///< in pixels of the image, as HottestRegion's
  double peak = 0;        ///< the map's highest value in it
  double mean = 0;        ///< of the map's values in it
  std::int64_t area = 0;  ///< how many pixels of the image it covers, at least 1

  bool operator==(const MapRegion&) const = default;
};

/// All 8-connected regions whose values reach `threshold`, the one with the highest peak first (of equal ones
/// the first in row-major order). Takes and throws what hottest_region does.
std::vector<MapRegion> regions_reaching(const at::Tensor& map, std::int64_t height, std::int64_t width,
                                        double threshold, const at::Tensor& inside = {});

}  // namespace res2clip
