#pragma once

#include <string>
#include <vector>

#include "file_set.hpp"

namespace res2clip::app {

/// Names of the output files of a list of images, without suffix: each path relative to the folder that
/// all have in common, so that two `000.png` of different folders do not collide.
std::vector<std::string> output_names(const std::vector<Path>& images);

/// The same for an image whose companions are not known yet: the whole path with its suffix, kept below the
/// output folder.
std::string stream_output_name(const Path& image);

/// Where overlays and maps go, and which files they must not replace.
class OutputFiles {
 public:
  /// An empty folder: nothing is written.
  explicit OutputFiles(Path folder) : folder_(std::move(folder)) {}

  bool wanted() const { return !folder_.empty(); }
  const Path& folder() const { return folder_; }
  /// Paths of an image's files, by its name.
  Path overlay(const std::string& name) const { return folder_ / (name + ".png"); }
  Path map(const std::string& name) const { return folder_ / (name + ".npy"); }

  /// The user's own images: no output may replace them.
  void protect(const Path& file) { protected_.add(file); }
  /// Throws a settings error if the files of this name would replace a protected one.
  void require_free(const std::string& name) const;

 private:
  Path folder_;
  FileSet protected_;
};

}  // namespace res2clip::app
