#include "listing.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "res2clip/core/error.hpp"

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

bool has_image_suffix(const Path& path) {
  static constexpr std::array<std::string_view, 7> kSuffixes{".png", ".jpg",  ".jpeg", ".bmp",
                                                             ".tif", ".tiff", ".webp"};
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

std::vector<Path> images_in(const Path& folder) {
  return entries_in(folder, [](const Path& path) { return has_image_suffix(path) && is_file(path); });
}

std::vector<Path> folders_in(const Path& folder) {
  return entries_in(folder, is_folder);
}

}  // namespace res2clip
