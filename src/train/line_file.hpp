#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "res2clip/core/files.hpp"

namespace res2clip {

/// A file of one JSON object with a "step" per line, that grows as steps are done.
class LineFile {
 public:
  /// Keeps the lines of the steps before `next_step` and drops the rest: what a killed run had begun.
  /// `next_step` 0 starts the file anew. Throws a runtime error where it cannot be written.
  LineFile(Path path, std::int64_t next_step);

  /// Adds a line and hands it to the operating system.
  void add(const std::string& line);

 private:
  Path path_;
  std::ofstream stream_;
};

}  // namespace res2clip
