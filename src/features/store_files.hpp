#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// An open file for reading and writing, made where it is absent; for reading alone where it is there but may
/// not be written (another's file, a disk mounted read-only). Throws runtime errors that name it.
class StoreFile {
 public:
  explicit StoreFile(Path path);
  ~StoreFile();
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;

  const Path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  bool writable() const { return writable_; }

  std::int64_t size() const;
  /// Fewer bytes if the file ends before.
  std::string read(std::int64_t offset, std::int64_t size) const;
  void write(std::int64_t offset, std::string_view bytes) const;
  void truncate(std::int64_t size) const;
  /// Returns once everything written has reached the disk.
  void flush() const;

 private:
  Path path_;
  int descriptor_ = -1;
  bool writable_ = true;
};

/// Keeps other processes, and other handles of this one, out of the sections that hold the same file's lock.
/// A file that may only be read needs none: what is read of it is checked.
class StoreLock {
 public:
  explicit StoreLock(const StoreFile& file);
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace res2clip
