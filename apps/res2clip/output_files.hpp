#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "file_set.hpp"

namespace res2clip::app {

/// Names of the output files of a list of images, without suffix: each path relative to the folder that
/// all have in common, so that two `000.png` of different folders do not collide.
std::vector<std::string> output_names(const std::vector<Path>& images);

/// The same for an image whose companions are not known yet: the whole path with its suffix, kept below the
/// output folder.
std::string stream_output_name(const Path& image);

/// The same for an image below a folder: its path from there, with its suffix. Throws a settings error for an
/// image that is not below it.
std::string name_below(const Path& base, const Path& image);

/// The path of an image's output file. A name that no file could have is shortened, and ends in a part of its
/// SHA-256 instead.
Path output_file(const Path& folder, const std::string& name, const std::string& suffix);

/// Where overlays and maps go, and which files they must not replace.
class OutputFiles {
 public:
  /// An empty folder: nothing is written. Overlays have the suffix.
  explicit OutputFiles(Path folder, std::string suffix = ".png")
      : folder_(std::move(folder)), suffix_(std::move(suffix)) {}

  bool wanted() const { return !folder_.empty(); }
  const Path& folder() const { return folder_; }
  /// Paths of an image's files, by its name.
  Path overlay(const std::string& name) const { return output_file(folder_, name, suffix_); }
  Path map(const std::string& name) const { return output_file(folder_, name, ".npy"); }

  /// The user's own images: no output may replace them.
  void protect(const Path& file) { protected_.add(file); }
  /// Throws a settings error if the files of this name would replace a protected one.
  void require_free(const std::string& name) const;

  /// Remembers which folder it is that files will be written to.
  void begin();
  /// Throws a runtime error if it is not there any more.
  void require_kept() const;

 private:
  Path folder_;
  std::string suffix_;
  FileSet protected_;
  dev_t device_ = 0;
  ino_t number_ = 0;
};

}  // namespace res2clip::app
