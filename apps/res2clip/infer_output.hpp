#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "res2clip/image/overlay.hpp"
#include "res2clip/model/detector.hpp"

#include "file_set.hpp"

namespace res2clip::app {

struct InferOutputOptions {
  std::string folder;  ///< empty: no files
  bool json = false;
  std::optional<double> threshold;
  std::vector<double> range;  ///< empty, or low and high of the heat map
  OverlayOptions overlay;
};

/// A picture that was inspected.
struct Picture {
  Path path;
  std::string name;   ///< of its output files, without suffix
  at::Tensor pixels;  ///< uint8 [H, W, 3]; undefined where no overlay is drawn
  std::int64_t height = 0, width = 0;
};

/// Names of the output files of a list of images, without suffix: each path relative to the folder that
/// all have in common, so that two `000.png` of different folders do not collide.
std::vector<std::string> output_names(const std::vector<Path>& images);

/// The same for an image whose companions are not known yet: the whole path with its suffix, kept below the
/// output folder.
std::string stream_output_name(const Path& image);

/// Prints one line per image and writes its overlay and raw map.
class InferOutput {
 public:
  /// Throws a settings error for a threshold or range that is none.
  explicit InferOutput(InferOutputOptions options);

  bool draws() const { return !options_.folder.empty(); }
  /// Files that no output may replace: the user's own pictures.
  void protect(const Path& file) { protected_.add(file); }
  bool is_protected(const Path& file) const { return protected_.contains(file); }
  /// Takes the map value that good parts reach, where the settings name none.
  void set_calm(double value) {
    if (options_.overlay.calm == 0) options_.overlay.calm = value;
  }
  /// Throws a settings error where the output of this name would replace a protected file.
  void expect_free(const std::string& name) const;

  /// Image `index` of a batch.
  void write(const Picture& picture, const Detection& detection, std::int64_t index);
  void write_failure(const Path& image, const std::string& message);

 private:
  Path overlay_path(const std::string& name) const { return Path(options_.folder) / (name + ".png"); }
  Path map_path(const std::string& name) const { return Path(options_.folder) / (name + ".npy"); }
  void draw(const Picture& picture, const at::Tensor& map, double score) const;

  InferOutputOptions options_;
  FileSet protected_;
  bool header_printed_ = false;
};

}  // namespace res2clip::app
