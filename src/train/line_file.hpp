#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "res2clip/core/files.hpp"

namespace res2clip {

/// Throws a data error where a file of steps lacks one of those before `next_step`: a run that goes on from
/// there would leave a gap.
void require_lines_before(const Path& path, std::int64_t next_step);

/// A file of one JSON object with a "step" per line, that grows as steps are done.
class LineFile {
 public:
  /// Keeps the lines of the steps before `next_step` and drops the rest: what a killed run had begun.
  /// `next_step` 0 starts the file anew. Throws a data error where one of those lines is missing, a runtime
  /// error where the file cannot be written.
  LineFile(Path path, std::int64_t next_step);

  /// Adds a line and hands it to the operating system.
  void add(const std::string& line);
  /// Returns once all lines have reached the disk.
  void flush_to_disk() const;

 private:
  Path path_;
  std::ofstream stream_;
};

}  // namespace res2clip
