#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>

#include <nlohmann/json_fwd.hpp>

#include "res2clip/core/path.hpp"

#include "folder_watch.hpp"

namespace res2clip::app {

/// A file of JSON lines to which each image's record is added once all else of it is written, so that a run
/// that was killed goes on where it ended. Paths in it are whole. Every line is on the disk before the next.
class ResultsFile {
 public:
  /// Makes the file, or opens one that is empty. With `go_on` it may hold records: a last line that is cut
  /// off is removed then. `bank` is the checksum of the bank in use. Throws a settings error for a file that
  /// holds records without `go_on`, whose records are of another bank, or that another process writes; a
  /// data error for one that holds something else, which stays as it is.
  ResultsFile(Path path, bool go_on, std::string bank);
  ~ResultsFile();
  ResultsFile(const ResultsFile&) = delete;
  ResultsFile& operator=(const ResultsFile&) = delete;

  /// Whether this version of an image has a record.
  bool has(const Path& image, const FileState& state) const;
  /// Adds the record of an image as it was at `state`. Throws a runtime error if it cannot be written.
  void add(const Path& image, const FileState& state, nlohmann::ordered_json record);
  /// Whether a line that was cut off was removed.
  bool mended() const { return mended_; }

 private:
  using Key = std::tuple<std::string, std::int64_t, std::int64_t>;  // path, bytes, modified
  static Key key_of(const Path& image, const FileState& state);
  void read();
  void take_line(const std::string& line, std::size_t number);

  Path path_;
  std::string bank_;
  int descriptor_ = -1;
  std::set<Key> done_;
  bool mended_ = false;
};

}  // namespace res2clip::app
