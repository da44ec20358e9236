#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// What was passed over in folders, by why.
struct LeftOut {
  std::map<std::string, std::int64_t> files;  ///< that are not taken for images, by kind ("suffix .txt")
  std::int64_t below = 0;                     ///< images in folders below

  bool any() const { return !files.empty() || below > 0; }
  /// "3 other files (suffix .pgm 2, suffix .txt 1), 7 images in folders below". Empty: nothing.
  std::string text() const;
};

/// The image files that a user's arguments stand for.
struct Inputs {
  std::vector<Path> images;
  LeftOut left_out;  ///< in the folders that were named or matched
};

/// The images that arguments stand for, in their order: a file is itself, a folder its images by name (with
/// `recursive` also those of all folders below), a pattern with * ? [ ] the images and folders that match it,
/// by name (`**` matches any number of folders), and "-" one of these per line of `lines`. A file that is
/// named again, by itself, its folder or another spelling of its path, counts once. Throws a data error for
/// an argument or line that stands for nothing.
Inputs find_inputs(const std::vector<std::string>& arguments, std::istream& lines, bool recursive = false);

/// The paths that a text lists, one a line. Empty lines, line ends of Windows and a byte order mark are left
/// out.
class InputLines {
 public:
  explicit InputLines(std::istream& stream) : stream_(stream) {}

  /// Reads the next path; false at the end. A line whose path does not exist stands for the one that does
  /// without blanks or quotes around it, or with / for \. Throws a data error for text in UTF-16.
  bool next(std::string& path);

 private:
  std::istream& stream_;
  bool first_ = true;
};

}  // namespace res2clip
