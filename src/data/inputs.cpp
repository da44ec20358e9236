#include "res2clip/data/inputs.hpp"

#include <algorithm>
#include <glob.h>
#include <iterator>
#include <set>

#include "res2clip/core/error.hpp"
#include "res2clip/image/file_kinds.hpp"

#include "listing.hpp"

namespace res2clip {
namespace {

std::vector<Path> matches_of(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<Path> paths;
  if (result == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(paths.begin(), paths.end(), [](const Path& a, const Path& b) { return a.native() < b.native(); });
  return paths;
}

bool has_folders(const Path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.is_directory(ignored)) return true;
  return false;
}

void add_folder(const Path& folder, std::vector<Path>& inputs) {
  const auto images = images_in(folder);
  if (images.empty())
    throw data_error(
        folder.string() + ": no images in this folder" +
        (has_folders(folder) ? " (name the folders below it, as " + (folder / "*").string() + ")" : ""));
  inputs.insert(inputs.end(), images.begin(), images.end());
}

void add_pattern(const std::string& pattern, std::vector<Path>& inputs) {
  const std::size_t before = inputs.size();
  for (const Path& match : matches_of(pattern)) {
    if (is_file(match) && has_image_suffix(match)) inputs.push_back(match);
    if (!is_folder(match)) continue;
    const auto images = images_in(match);
    inputs.insert(inputs.end(), images.begin(), images.end());
  }
  if (inputs.size() == before) throw data_error(pattern + ": no image matches this pattern");
}

void add_one(const std::string& text, std::vector<Path>& inputs) {
  std::error_code ignored;
  if (is_folder(text))
    add_folder(text, inputs);
  else if (std::filesystem::exists(text, ignored))
    inputs.emplace_back(text);
  else if (text.find_first_of("*?[") != std::string::npos)
    add_pattern(text, inputs);
  else
    throw data_error(text + ": no such file or folder");
}

/// Leaves the first of each path; links to one file are different inputs.
std::vector<Path> each_once(const std::vector<Path>& inputs) {
  std::set<Path> seen;
  std::vector<Path> kept;
  for (const Path& input : inputs)
    if (seen.insert(std::filesystem::absolute(input).lexically_normal()).second) kept.push_back(input);
  return kept;
}

}  // namespace

std::vector<Path> expand_inputs(const std::vector<std::string>& arguments, std::istream& lines) {
  std::vector<Path> inputs;
  for (const std::string& argument : arguments) {
    if (argument != "-") {
      add_one(argument, inputs);
      continue;
    }
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) add_one(line, inputs);
    }
  }
  if (inputs.empty()) throw data_error("no images are named");
  return each_once(inputs);
}

}  // namespace res2clip
