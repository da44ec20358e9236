#include "res2clip/pipeline/detect_each.hpp"

#include <exception>
#include <utility>

#include "res2clip/pipeline/inspector.hpp"

namespace res2clip {
namespace {

Error error_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return runtime_error("reading an image failed: " + first_line(error));
  }
}

DetectedImage detected(InspectedImage image) {
  const FetchedScores& scores = *image.scores;
  const auto value = [&](const at::Tensor& tensor) { return tensor[image.row].item<double>(); };
  DetectedImage result;
  result.index = image.index;
  result.score = value(scores.score);
  result.text = value(scores.text);
  result.visual = value(scores.visual);
  result.residual = value(scores.residual);
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
  std::size_t taken = 0;
  const auto deliver = [&](const DetectedImage& image) {
    if (take) take(image);
    ++taken;
    if (options.progress)
      options.progress(static_cast<std::int64_t>(taken), static_cast<std::int64_t>(images.size()), {});
  };
  InspectionStages stages;
  stages.finish = [&](InspectedImage image) -> InOrder::Rest {
    return [&deliver, result = detected(std::move(image))] { deliver(result); };
  };
  stages.failed = [&](std::size_t index, const std::exception_ptr& failure) {
    DetectedImage image;
    image.index = index;
    image.failure = error_of(failure);
    deliver(image);
  };
  stages.stop_requested = options.stop_requested;
  Inspector(pipeline, bank, options.pixels, std::move(stages)).inspect(images);
  return taken;
}

}  // namespace res2clip
