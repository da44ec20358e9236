#pragma once

#include <cstdint>
#include <string>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// A file that stays open while parts of it are read. Throws data errors that name it.
class OpenFile {
 public:
  explicit OpenFile(Path path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const Path& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  void read_into(std::uint64_t offset, void* memory, std::uint64_t count) const;
  std::string read(std::uint64_t offset, std::uint64_t count) const;

 private:
  Path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace res2clip
