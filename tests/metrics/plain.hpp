#pragma once

#include <cstdint>
#include <vector>

namespace res2clip::testing {

/// The oracle of the exact pixel metrics: all pixels in one list, a comparison sort, curves as arrays.
struct PlainPixel {
  float score = 0.0f;
  bool anomalous = false;
  double weight = 0.0;  ///< 1 / area of the region of an anomalous pixel
};

struct PlainFigures {
  double auroc = 0.0;
  double ap = 0.0;
  double f1 = 0.0;
  double aupro = 0.0;
};

/// Both kinds of pixels must be there.
PlainFigures plain_pixel_figures(std::vector<PlainPixel> pixels, std::int64_t regions,
                                 double pro_limit = 0.3);

/// Label 1, 2, ... of the 8-connected region of each pixel, 0 where normal: by flooding.
std::vector<int> plain_regions(const std::vector<std::uint8_t>& mask, std::int64_t rows, std::int64_t cols);

}  // namespace res2clip::testing
