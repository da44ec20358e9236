#pragma once

#include <span>

#include "res2clip/clip/features.hpp"
#include "res2clip/core/path.hpp"

namespace res2clip {

/// Where the features of images come from: encoded on the spot, read from a store, or made up by a test. Not
/// for several threads at once.
class FeatureSource {
 public:
  virtual ~FeatureSource() = default;

  /// The features of these images as one batch, in their order. Throws data errors that name a file.
  virtual Features of(std::span<const Path> images) = 0;

  /// Says that of() will soon be called for these images, in the order of such calls, so that their files can
  /// be read meanwhile. A call that never comes costs no more than the reading.
  virtual void soon(std::span<const Path> images) { static_cast<void>(images); }
};

}  // namespace res2clip
