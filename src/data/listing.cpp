#include "listing.hpp"

#include <algorithm>

#include "res2clip/core/error.hpp"
#include "res2clip/image/file_kinds.hpp"

namespace res2clip {
namespace {

template <class Predicate>
std::vector<Path> entries_in(const Path& folder, Predicate wanted) {
  std::vector<Path> entries;
  if (!is_folder(folder)) return entries;
  std::error_code failed;
  std::filesystem::directory_iterator at(folder, failed);
  for (const std::filesystem::directory_iterator end; !failed && at != end; at.increment(failed))
    if (at->path().filename().native().front() != '.' && wanted(at->path())) entries.push_back(at->path());
  if (failed) throw data_error(folder.string() + ": cannot be listed: " + failed.message());
  std::sort(entries.begin(), entries.end(),
            [](const Path& a, const Path& b) { return a.filename().native() < b.filename().native(); });
  return entries;
}

}  // namespace

bool is_folder(const Path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

bool is_file(const Path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::vector<Path> images_in(const Path& folder) {
  return entries_in(folder, [](const Path& path) { return has_image_suffix(path) && is_file(path); });
}

std::vector<Path> folders_in(const Path& folder) {
  return entries_in(folder, is_folder);
}

}  // namespace res2clip
