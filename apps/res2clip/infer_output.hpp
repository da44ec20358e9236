#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/model/detector.hpp"

namespace res2clip::app {

struct InferOutputOptions {
  std::string folder;  ///< empty: no files
  bool json = false;
  std::optional<double> threshold;
  std::vector<double> range;  ///< empty, or low and high of the heat map
};

/// Names of the output files of a list of images, without extension: each path relative to the folder that
/// all have in common, so that two `000.png` of different folders do not collide.
std::vector<std::string> output_names(const std::vector<Path>& images);

/// The same for an image whose companions are not known yet: the whole path, kept below the output folder.
std::string stream_output_name(const Path& image);

/// Prints one line per image and writes its overlay and raw map.
class InferOutput {
 public:
  explicit InferOutput(InferOutputOptions options);

  /// Image `index` of a batch.
  void write(const Path& image, const std::string& name, const Detection& detection, std::int64_t index);
  void write_failure(const Path& image, const std::string& message);

 private:
  InferOutputOptions options_;
  bool header_printed_ = false;
};

}  // namespace res2clip::app
