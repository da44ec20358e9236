#include "res2clip/train/data.hpp"

namespace res2clip {

std::vector<Path> TrainingData::images_of(std::span<const std::int64_t> indices) const {
  std::vector<Path> images;
  for (const std::int64_t index : indices) images.push_back(samples[static_cast<std::size_t>(index)].image);
  return images;
}

}  // namespace res2clip
