#include "res2clip/data/inputs.hpp"

#include <algorithm>
#include <glob.h>
#include <set>
#include <string_view>
#include <utility>

#include "res2clip/core/error.hpp"
#include "res2clip/image/file_kinds.hpp"

#include "listing.hpp"

namespace res2clip {
namespace {

bool is_pattern(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

std::vector<Path> matches_of(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<Path> paths;
  if (result == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return paths;
}

/// A path as a pattern that matches it alone.
std::string literal(const std::string& path) {
  std::string pattern;
  for (const char letter : path) {
    if (std::string_view("*?[]\\").find(letter) != std::string_view::npos) pattern += '\\';
    pattern += letter;
  }
  return pattern;
}

/// What a pattern matches in which ** stands for any number of folders.
void add_matches(const std::string& pattern, std::vector<Path>& matches) {
  const std::size_t stars = pattern.find("**");
  if (stars == std::string::npos) {
    const auto found = matches_of(pattern);
    matches.insert(matches.end(), found.begin(), found.end());
    return;
  }
  const std::string above = pattern.substr(0, stars);
  std::string rest = pattern.substr(stars + 2);
  if ((!above.empty() && above.back() != '/') || (!rest.empty() && rest.front() != '/'))
    throw data_error(pattern + ": ** stands for folders, between slashes: DIR/**/*.png");
  if (rest.empty() || rest == "/") rest = "/*";
  for (const Path& start : above.empty() ? std::vector<Path>{"."} : matches_of(above))
    for (const Path& folder : folders_below(start)) add_matches(literal(folder.string()) + rest, matches);
}

/// ".png .jpg ..."
std::string suffixes_text() {
  std::string text;
  for (const std::string_view suffix : image_suffixes())
    text += (text.empty() ? "" : " ") + std::string(suffix);
  return text;
}

/// What lies in a folder that was named, beside its images.
struct PassedOver {
  std::set<Path> other_files, images_below;

  LeftOut counted() const {
    LeftOut left_out;
    for (const Path& file : other_files) ++left_out.files[kind_of_other(file)];
    left_out.below = static_cast<std::int64_t>(images_below.size());
    return left_out;
  }
};

/// A user's arguments, one by one, made the images that they stand for.
class InputFinder {
 public:
  explicit InputFinder(bool recursive) : recursive_(recursive) {}

  void add(const std::string& text) {
    std::error_code ignored;
    if (is_folder(text))
      add_named_folder(text);
    else if (std::filesystem::exists(text, ignored) || is_dangling(text))
      images_.emplace_back(text);
    else if (is_pattern(text))
      add_pattern(text);
    else
      throw data_error(text + ": no such file or folder");
  }

  Inputs take() {
    if (images_.empty()) throw data_error("no images are named");
    keep_first_of_each();
    for (const Path& image : images_) passed_over_.images_below.erase(image);
    return {std::move(images_), passed_over_.counted()};
  }

 private:
  void add_folder(const Path& folder, PassedOver& passed_over) {
    for (const Path& one : recursive_ ? folders_below(folder) : std::vector<Path>{folder}) {
      const auto images = images_in(one), others = other_files_in(one);
      images_.insert(images_.end(), images.begin(), images.end());
      passed_over.other_files.insert(others.begin(), others.end());
    }
    if (recursive_) return;
    for (const Path& below : folders_in(folder)) {
      const auto images = images_below(below);
      passed_over.images_below.insert(images.begin(), images.end());
    }
  }

  void add_named_folder(const Path& folder) {
    const std::size_t before = images_.size();
    PassedOver passed_over;
    add_folder(folder, passed_over);
    if (images_.size() == before) throw no_images(folder, passed_over.counted());
    passed_over_.other_files.merge(passed_over.other_files);
    passed_over_.images_below.merge(passed_over.images_below);
  }

  static Error no_images(const Path& folder, const LeftOut& found) {
    std::string message = folder.string() + ": no images in this folder";
    if (found.any()) message += ", but " + found.text();
    if (!found.files.empty()) message += "; images have the suffixes " + suffixes_text();
    if (found.below > 0) message += "; --recursive takes folders below, or name " + (folder / "*").string();
    return data_error(message);
  }

  void add_pattern(const std::string& pattern) {
    std::vector<Path> matches;
    add_matches(pattern, matches);
    std::sort(matches.begin(), matches.end(),
              [](const Path& a, const Path& b) { return a.native() < b.native(); });
    const std::size_t before = images_.size();
    for (const Path& match : matches) {
      if (is_folder(match))
        add_folder(match, passed_over_);
      else if (has_image_suffix(match))
        images_.push_back(match);
      else
        passed_over_.other_files.insert(match);
    }
    if (images_.size() == before) throw data_error(pattern + ": no image matches this pattern");
  }

  /// Links to one file are different inputs.
  void keep_first_of_each() {
    std::set<Path> seen;
    std::erase_if(images_, [&](const Path& input) {
      return !seen.insert(std::filesystem::absolute(input).lexically_normal()).second;
    });
  }

  bool recursive_;
  std::vector<Path> images_;
  PassedOver passed_over_;
};

std::string without_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

std::string without_quotes(const std::string& text) {
  const bool quoted =
      text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

bool stands_for_something(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) || is_dangling(path) ||
         (is_pattern(path) && !matches_of(path).empty());
}

/// The spelling of a line that exists; the line itself if none does.
std::string spelled(const std::string& line) {
  const std::string bare = without_quotes(without_blanks(line));
  for (const std::string& spelling : {line, without_blanks(line), bare, with_slashes(bare)})
    if (stands_for_something(spelling)) return spelling;
  return line;
}

}  // namespace

std::string LeftOut::text() const {
  std::string text;
  if (!files.empty()) {
    std::int64_t count = 0;
    std::string kinds;
    for (const auto& [kind, of_kind] : files) {
      count += of_kind;
      kinds += (kinds.empty() ? "" : ", ") + kind + " " + std::to_string(of_kind);
    }
    text = std::to_string(count) + (count == 1 ? " other file (" : " other files (") + kinds + ")";
  }
  if (below > 0)
    text += (text.empty() ? "" : ", ") + std::to_string(below) +
            (below == 1 ? " image in folders below" : " images in folders below");
  return text;
}

Inputs find_inputs(const std::vector<std::string>& arguments, std::istream& lines, bool recursive) {
  InputFinder finder(recursive);
  for (const std::string& argument : arguments) {
    if (argument != "-") {
      finder.add(argument);
      continue;
    }
    InputLines paths(lines);
    for (std::string path; paths.next(path);) finder.add(path);
  }
  return finder.take();
}

bool InputLines::next(std::string& path) {
  for (std::string line; std::getline(stream_, line);) {
    if (first_ && (line.starts_with("\xff\xfe") || line.starts_with("\xfe\xff")))
      throw data_error(
          "the list of paths is UTF-16 text, as PowerShell writes it; save it as UTF-8 (Out-File -Encoding "
          "utf8)");
    if (line.find('\0') != std::string::npos)
      throw data_error("the list of paths holds zero bytes; it is not text in UTF-8 (UTF-16?)");
    if (first_ && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    first_ = false;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (without_blanks(line).empty()) continue;
    path = spelled(line);
    return true;
  }
  return false;
}

}  // namespace res2clip
