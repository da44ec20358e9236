#pragma once

#include <set>
#include <sys/types.h>
#include <utility>

#include "res2clip/core/path.hpp"

namespace res2clip::app {

/// Files by what they are, not by what they are called: links and other spellings of a path are one file (as
/// for std::filesystem::equivalent). Paths of files that are not there are ignored.
class FileSet {
 public:
  void add(const Path& path);
  bool contains(const Path& path) const;

 private:
  std::set<std::pair<dev_t, ino_t>> files_;
};

}  // namespace res2clip::app
