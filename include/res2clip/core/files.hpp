#pragma once

#include <string>
#include <string_view>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// All bytes of a file. Throws a data error that names the path where it cannot be read.
std::string read_file(const Path& path);

/// A file that appears whole or not at all: written under a temporary name in the same folder, then renamed.
/// Folders above it are made; a link is followed. Destroyed without commit(), it leaves nothing behind.
/// Throws a runtime error where the path is a folder, a device or the like, or its folder cannot be made.
class AtomicFile {
 public:
  explicit AtomicFile(Path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// The name to write to until commit().
  const Path& temporary() const { return temporary_; }

  /// Flushes the temporary file to disk and renames it. Throws a runtime error naming the path.
  void commit();

 private:
  Path path_;
  Path temporary_;
  bool committed_ = false;
};

/// Removes the temporary files of all AtomicFiles there are: for a signal handler that ends the process.
void remove_unfinished_files() noexcept;

/// Writes bytes through an AtomicFile.
void write_file(const Path& path, std::string_view bytes);

/// Flushes the bytes of an open file to disk. False, with errno set, if that failed; a file system that does
/// not support it counts as done, since nothing better is to be had there.
bool flush_to_disk(int descriptor) noexcept;

/// SHA-256 in lower-case hexadecimal, of bytes and of a file (read in pieces). Throws a data error where the
/// file cannot be read.
std::string sha256(std::string_view bytes);
std::string sha256_of_file(const Path& path);

}  // namespace res2clip
