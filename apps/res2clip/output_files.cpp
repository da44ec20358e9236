#include "output_files.hpp"

#include <algorithm>
#include <map>
#include <sys/stat.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip::app {
namespace {

Path without_extension(const Path& path) {
  return path.parent_path() / path.stem();
}

/// The deepest folder that holds all paths.
Path common_folder(const std::vector<Path>& paths) {
  Path common = paths.front().parent_path();
  for (const Path& path : paths) {
    const auto [end, unused] = std::mismatch(common.begin(), common.end(), path.begin(), path.end());
    Path shorter;
    for (auto part = common.begin(); part != end; ++part) shorter /= *part;
    common = shorter;
  }
  return common;
}

/// Gives each name that several images have in full: part.png beside part.jpg. Returns whether any changed,
/// which may now be that of another.
bool names_in_full(std::vector<std::string>& names, const std::vector<std::string>& full) {
  std::map<std::string, int> uses;
  for (const std::string& name : names) ++uses[name];
  bool changed = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (uses[names[i]] == 1 || names[i] == full[i]) continue;
    names[i] = full[i];
    changed = true;
  }
  return changed;
}

}  // namespace

std::vector<std::string> output_names(const std::vector<Path>& images) {
  std::vector<Path> whole;
  for (const Path& image : images) whole.push_back(std::filesystem::absolute(image).lexically_normal());
  if (whole.empty()) return {};
  const Path common = common_folder(whole);
  std::vector<std::string> names, full;
  for (const Path& path : whole) {
    const Path relative = path.lexically_relative(common);
    full.push_back(relative.generic_string());
    names.push_back(without_extension(relative).generic_string());
  }
  while (names_in_full(names, full)) continue;
  return names;
}

Path output_file(const Path& folder, const std::string& name, const std::string& suffix) {
  constexpr std::size_t kLongest = 255;  // of a file's name, in bytes, on the usual file systems
  constexpr std::size_t kDigits = 16;
  const Path whole(name);
  std::string last = whole.filename().string();
  if (last.size() + suffix.size() > kLongest) {
    std::size_t kept = kLongest - suffix.size() - kDigits - 1;
    while (kept > 0 && (last[kept] & 0xC0) == 0x80) --kept;  // whole letters
    last = last.substr(0, kept) + "-" + sha256(last).substr(0, kDigits);
  }
  return folder / whole.parent_path() / (last + suffix);
}

std::string stream_output_name(const Path& image) {
  return std::filesystem::absolute(image).lexically_normal().relative_path().generic_string();
}

std::string name_below(const Path& base, const Path& image) {
  const auto whole = [](const Path& path) { return std::filesystem::absolute(path).lexically_normal(); };
  const Path below = whole(image).lexically_relative(whole(base));
  if (below.empty() || below == "." || *below.begin() == "..")
    throw settings_error(image.string() + ": is not below " + base.string() +
                         ", which the names of outputs start from (--base)");
  return below.generic_string();
}

void OutputFiles::begin() {
  struct stat status {};
  if (!wanted() || ::stat(folder_.c_str(), &status) != 0) return;
  device_ = status.st_dev;
  number_ = status.st_ino;
}

void OutputFiles::require_kept() const {
  struct stat status {};
  if (!wanted() || number_ == 0) return;
  if (::stat(folder_.c_str(), &status) != 0 || status.st_dev != device_ || status.st_ino != number_)
    throw runtime_error(folder_.string() +
                        ": was removed or replaced during the run; what was written there before is gone");
}

void OutputFiles::require_free(const std::string& name) const {
  if (!wanted()) return;
  for (const Path& path : {overlay(name), map(name)})
    if (protected_.contains(path))
      throw settings_error(path.string() +
                           ": is one of your images, which this output would replace; name another --output");
}

}  // namespace res2clip::app
