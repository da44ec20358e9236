#include "output_files.hpp"

#include <algorithm>
#include <map>

#include "res2clip/core/error.hpp"

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

}  // namespace

std::vector<std::string> output_names(const std::vector<Path>& images) {
  std::vector<Path> whole;
  for (const Path& image : images) whole.push_back(std::filesystem::absolute(image).lexically_normal());
  if (whole.empty()) return {};
  const Path common = common_folder(whole);
  std::map<std::string, int> uses;
  for (const Path& path : whole) ++uses[without_extension(path.lexically_relative(common)).generic_string()];
  std::vector<std::string> names;
  for (const Path& path : whole) {
    const Path relative = path.lexically_relative(common);
    const std::string name = without_extension(relative).generic_string();
    names.push_back(uses[name] > 1 ? relative.generic_string() : name);  // part.png beside part.jpg
  }
  return names;
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

void OutputFiles::require_free(const std::string& name) const {
  if (!wanted()) return;
  for (const Path& path : {overlay(name), map(name)})
    if (protected_.contains(path))
      throw settings_error(path.string() +
                           ": is one of your images, which this output would replace; name another --output");
}

}  // namespace res2clip::app
