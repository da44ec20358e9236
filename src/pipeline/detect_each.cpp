#include "res2clip/pipeline/detect_each.hpp"

#include "each.hpp"

namespace res2clip {
namespace {

DetectedImage detected(InspectedImage image) {
  const FetchedScores& scores = *image.scores;
  DetectedImage result;
  static_cast<ImageScores&>(result) = scores.of(image.row);
  result.index = image.index;
  result.map = scores.map[image.row].clone();
  result.height = image.file.height;
  result.width = image.file.width;
  result.pixels = image.file.pixels;
  return result;
}

}  // namespace

std::size_t detect_each(const Pipeline& pipeline, std::span<const Path> images, const ReferenceBank& bank,
                        const std::function<void(const DetectedImage&)>& take, const EachOptions& options) {
  pipeline.require_fitting(bank);
  return take_each<DetectedImage>(pipeline, images, bank, detected, take, options);
}

}  // namespace res2clip
