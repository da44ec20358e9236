#pragma once

#include <string_view>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// A file that appears whole or not at all: written under a temporary name in the same folder, then renamed.
/// Folders above it are made; a link is followed. Destroyed without commit(), it leaves nothing behind.
///
/// The temporary name cannot be guessed, and the file behind it is made anew: one that lies there already, or
/// a link, is never written to.
class AtomicFile {
 public:
  /// Throws a runtime error if the path is a folder, a device or the like, or if its folder cannot be made or
  /// takes no file.
  explicit AtomicFile(Path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// The name until commit().
  const Path& temporary() const { return temporary_; }
  /// The open file, for reading and writing.
  int descriptor() const { return descriptor_; }

  /// Appends bytes. Throws a runtime error that names the path.
  void write(std::string_view bytes);

  /// Flushes the file to disk, renames it, and flushes the folder, so that the name outlives a power cut.
  /// Throws a runtime error that names the path.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  Path path_;
  Path temporary_;
  int descriptor_ = -1;
  bool committed_ = false;
};

/// Removes the temporary files of all AtomicFiles there are: for a signal handler that ends the process.
void remove_unfinished_files() noexcept;

/// The process whose AtomicFile had this temporary name; -1 if it is the name of none.
int writer_of_temporary(std::string_view name);

}  // namespace res2clip
