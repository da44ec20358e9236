#include "listing.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <set>
#include <utf8proc.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/file_kinds.hpp"

namespace res2clip {
namespace {

/// Hidden files, and what Windows and macOS leave in folders and archives.
bool is_of_the_system(const std::string& name) {
  return name.front() == '.' || name == "Thumbs.db" || name == "desktop.ini" || name == "__MACOSX";
}

template <class Predicate>
std::vector<Path> entries_in(const Path& folder, Predicate wanted) {
  std::vector<Path> entries;
  if (!is_folder(folder)) return entries;
  std::error_code failed;
  std::filesystem::directory_iterator at(folder, failed);
  for (const std::filesystem::directory_iterator end; !failed && at != end; at.increment(failed))
    if (!is_of_the_system(at->path().filename().native()) && wanted(at->path()))
      entries.push_back(at->path());
  if (failed) throw data_error(folder.string() + ": cannot be listed: " + failed.message());
  std::sort(entries.begin(), entries.end(),
            [](const Path& a, const Path& b) { return a.filename().native() < b.filename().native(); });
  return entries;
}

void add_folders_below(const Path& folder, std::set<Path>& seen, std::vector<Path>& folders) {
  std::error_code failed;
  const Path real = std::filesystem::canonical(folder, failed);
  if (failed || !seen.insert(real).second) return;
  folders.push_back(folder);
  for (const Path& below : folders_in(folder)) add_folders_below(below, seen, folders);
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

bool is_dangling(const Path& path) {
  std::error_code ignored;
  return std::filesystem::is_symlink(path, ignored) && !std::filesystem::exists(path, ignored);
}

std::vector<Path> images_in(const Path& folder) {
  return entries_in(folder, [](const Path& path) {
    return has_image_suffix(path) && (is_file(path) || is_dangling(path));
  });
}

std::vector<Path> folders_in(const Path& folder) {
  return entries_in(folder, is_folder);
}

std::vector<Path> folders_below(const Path& folder) {
  std::set<Path> seen;
  std::vector<Path> folders;
  add_folders_below(folder, seen, folders);
  return folders;
}

std::vector<Path> images_below(const Path& folder) {
  std::vector<Path> images;
  for (const Path& one : folders_below(folder)) {
    const auto own = images_in(one);
    images.insert(images.end(), own.begin(), own.end());
  }
  return images;
}

std::vector<Path> other_files_in(const Path& folder) {
  return entries_in(folder, [](const Path& path) { return !has_image_suffix(path) && !is_folder(path); });
}

std::string kind_of_other(const Path& file) {
  const auto why = why_left_out(file);
  return why ? why->kind : "of the system";
}

Path folder_named(const Path& parent, std::span<const std::string_view> names) {
  const auto folders = folders_in(parent);
  for (const std::string_view name : names)
    for (const Path& folder : folders)
      if (lower(folder.filename().string()) == name) return folder;
  return {};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

std::string composed(const std::string& text) {
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> made(
      utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str())), std::free);
  return made ? reinterpret_cast<const char*>(made.get()) : text;
}

std::string with_slashes(std::string text) {
  std::replace(text.begin(), text.end(), '\\', '/');
  return text;
}

Path found_as(const Path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return path;
  if (path.string().find('\\') != std::string::npos)
    if (const Path found = found_as(with_slashes(path.string())); !found.empty()) return found;
  const Path name = path.filename(), parent = path.parent_path();
  if (name.empty() || parent == path) return {};
  const Path folder = parent.empty() ? Path(".") : found_as(parent);
  if (folder.empty()) return {};
  const std::string wanted = composed(name.string());
  const auto alike =
      entries_in(folder, [&](const Path& entry) { return composed(entry.filename().string()) == wanted; });
  if (alike.empty()) return {};
  return parent.empty() ? alike.front().filename() : alike.front();
}

}  // namespace res2clip
