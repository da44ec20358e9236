#include "raster.hpp"

namespace res2clip {

void Permit::ask(std::int64_t width, std::int64_t height, std::int64_t working_bytes) {
  if (width <= 0 || height <= 0) throw ImageFault{"has no pixels"};
  constexpr std::int64_t kLongestEdge = 1 << 30;
  const bool overflows = width > kLongestEdge || height > kLongestEdge;
  if (overflows || (most_pixels_ > 0 && width * height > most_pixels_))
    throw ImageFault{"has " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels, more than the " + std::to_string(most_pixels_) +
                     " allowed; make it smaller, or raise image.max_pixels"};
  if (on_size_) on_size_(width, height);
  constexpr std::int64_t kResult = 3;  // RGB
  share_.take(width * height * (kResult + working_bytes));
}

Raster Permit::raster(std::int64_t width, std::int64_t height, std::int64_t channels, std::uint32_t largest) {
  Raster raster;
  raster.width = width;
  raster.height = height;
  raster.channels = channels;
  raster.largest = largest;
  const std::int64_t bytes = width * height * channels * (raster.wide() ? 2 : 1);
  raster.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(static_cast<std::size_t>(bytes));
  return raster;
}

}  // namespace res2clip
