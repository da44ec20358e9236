#pragma once

#include <exception>
#include <functional>
#include <span>
#include <utility>

#include "res2clip/pipeline/detect_each.hpp"
#include "res2clip/pipeline/inspector.hpp"

namespace res2clip {

inline Error error_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return runtime_error("reading an image failed: " + first_line(error));
  }
}

/// Inspects a list, and gives `take` for each image what `found` makes of it, or a Result that has `index`
/// and `failure` alone. Returns how many were taken.
template <class Result>
std::size_t take_each(const Pipeline& pipeline, std::span<const Path> images, const ReferenceBank& bank,
                      const std::function<Result(InspectedImage)>& found,
                      const std::function<void(const Result&)>& take, const EachOptions& options) {
  std::size_t taken = 0;
  const auto deliver = [&](const Result& image) {
    if (take) take(image);
    ++taken;
    if (options.progress)
      options.progress(static_cast<std::int64_t>(taken), static_cast<std::int64_t>(images.size()), {});
  };
  InspectionStages stages;
  stages.finish = [&](InspectedImage image) -> InOrder::Rest {
    return [&deliver, result = found(std::move(image))] { deliver(result); };
  };
  stages.failed = [&](std::size_t index, const std::exception_ptr& failure) {
    Result image;
    image.index = index;
    image.failure = error_of(failure);
    deliver(image);
  };
  stages.stop_requested = options.stop_requested;
  Inspector(pipeline, bank, options.pixels, std::move(stages)).inspect(images);
  return taken;
}

}  // namespace res2clip
