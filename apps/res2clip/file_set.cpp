#include "file_set.hpp"

#include <optional>
#include <sys/stat.h>

namespace res2clip::app {
namespace {

std::optional<std::pair<dev_t, ino_t>> identity_of(const Path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

}  // namespace

void FileSet::add(const Path& path) {
  if (const auto identity = identity_of(path)) files_.insert(*identity);
}

bool FileSet::contains(const Path& path) const {
  const auto identity = identity_of(path);
  return identity && files_.contains(*identity);
}

}  // namespace res2clip::app
