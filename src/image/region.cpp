#include "res2clip/image/region.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ops/zeros.h>

#include "res2clip/core/error.hpp"

#include "pixels.hpp"

namespace res2clip {
namespace {

struct Extent {
  std::int64_t left, right, top, bottom;  // inclusive
  std::int64_t count = 0;
  double peak, sum = 0;
};

/// The values of a map, those outside below every threshold.
at::Tensor values_of(const at::Tensor& map, const at::Tensor& inside, const std::string& function) {
  const at::Tensor values = sound_map_values(map, function);
  if (!inside.defined()) return values;
  if (inside.scalar_type() != at::kBool || inside.sizes() != values.sizes() || !inside.any().item<bool>())
    throw data_error(function + ": `inside` must be bool, of the map's size, and true somewhere");
  return values.masked_fill(inside.cpu().logical_not(), -std::numeric_limits<float>::infinity());
}

/// Marks what is 8-connected to `seed` and reaches `threshold`.
Extent grow(const float* values, std::int64_t rows, std::int64_t columns, std::int64_t seed, double threshold,
            std::uint8_t* marked) {
  Extent extent{
      seed % columns, seed % columns, seed / columns, seed / columns, 0, static_cast<double>(values[seed])};
  std::vector<std::int64_t> open{seed};
  marked[seed] = 1;
  while (!open.empty()) {
    const std::int64_t at = open.back(), x = at % columns, y = at / columns;
    open.pop_back();
    const auto value = static_cast<double>(values[at]);
    extent = {std::min(extent.left, x),   std::max(extent.right, x), std::min(extent.top, y),
              std::max(extent.bottom, y), extent.count + 1,          std::max(extent.peak, value),
              extent.sum + value};
    for (std::int64_t ny = std::max<std::int64_t>(y - 1, 0); ny <= std::min(y + 1, rows - 1); ++ny)
      for (std::int64_t nx = std::max<std::int64_t>(x - 1, 0); nx <= std::min(x + 1, columns - 1); ++nx) {
        const std::int64_t next = ny * columns + nx;
        if (marked[next] != 0 || static_cast<double>(values[next]) < threshold) continue;
        marked[next] = 1;
        open.push_back(next);
      }
  }
  return extent;
}

/// Pixels `first` .. `last` of `from` as start and length among `to`, rounded outwards in whole numbers.
std::pair<std::int64_t, std::int64_t> scaled(std::int64_t first, std::int64_t last, std::int64_t from,
                                             std::int64_t to) {
  const std::int64_t begin = first * to / from;
  const std::int64_t end = ((last + 1) * to + from - 1) / from;
  return {begin, end - begin};
}

Box box_of(const Extent& extent, const at::Tensor& map, std::int64_t height, std::int64_t width) {
  Box box;
  std::tie(box.x, box.width) = scaled(extent.left, extent.right, map.size(1), width);
  std::tie(box.y, box.height) = scaled(extent.top, extent.bottom, map.size(0), height);
  return box;
}

void require_pixels(std::int64_t height, std::int64_t width, const std::string& function) {
  if (height < 1 || width < 1)
    throw data_error(function + ": the image has " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels; it must have some");
}

}  // namespace

HottestRegion hottest_region(const at::Tensor& map, std::int64_t height, std::int64_t width, double fraction,
                             const at::Tensor& inside) {
  const at::Tensor whole = values_of(map, inside, "hottest_region");
  if (!(fraction >= 0 && fraction <= 1))
    throw settings_error("hottest_region: the fraction is " + std::to_string(fraction) +
                         "; it must be between 0 and 1");
  require_pixels(height, width, "hottest_region");
  const auto* values = whole.data_ptr<float>();
  const auto* end = values + whole.numel();
  std::vector<float> sorted(values, end);
  if (inside.defined()) std::erase(sorted, -std::numeric_limits<float>::infinity());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const auto* hottest = std::max_element(values, end);

  HottestRegion region;
  region.peak = *hottest;
  region.threshold = *middle + fraction * (region.peak - *middle);
  region.mask = at::zeros(whole.sizes(), at::kByte);
  const std::int64_t rows = whole.size(0), columns = whole.size(1);
  const Extent extent =
      grow(values, rows, columns, hottest - values, region.threshold, region.mask.data_ptr<std::uint8_t>());
  region.box = box_of(extent, whole, height, width);
  return region;
}

std::vector<MapRegion> regions_reaching(const at::Tensor& map, std::int64_t height, std::int64_t width,
                                        double threshold, const at::Tensor& inside) {
  const at::Tensor whole = values_of(map, inside, "regions_reaching");
  require_pixels(height, width, "regions_reaching");
  if (!std::isfinite(threshold)) throw settings_error("regions_reaching: the threshold must be a number");
  const auto* values = whole.data_ptr<float>();
  std::vector<std::uint8_t> marked(static_cast<std::size_t>(whole.numel()));
  std::vector<MapRegion> regions;
  for (std::int64_t at = 0; at < whole.numel(); ++at) {
    if (marked[static_cast<std::size_t>(at)] != 0 || static_cast<double>(values[at]) < threshold) continue;
    const Extent extent = grow(values, whole.size(0), whole.size(1), at, threshold, marked.data());
    const double pixels = static_cast<double>(extent.count) / static_cast<double>(whole.numel()) *
                          static_cast<double>(height) * static_cast<double>(width);
    regions.push_back({box_of(extent, whole, height, width), extent.peak,
                       extent.sum / static_cast<double>(extent.count),
                       std::max<std::int64_t>(1, std::llround(pixels))});
  }
  std::stable_sort(regions.begin(), regions.end(),
                   [](const MapRegion& a, const MapRegion& b) { return a.peak > b.peak; });
  return regions;
}

}  // namespace res2clip
