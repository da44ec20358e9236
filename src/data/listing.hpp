#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "res2clip/core/path.hpp"
#include "res2clip/data/folders.hpp"

namespace res2clip {

bool is_folder(const Path& path);
bool is_file(const Path& path);
/// Whether a link leads to nothing.
bool is_dangling(const Path& path);

/// The folders directly in a folder, like images_in().
std::vector<Path> folders_in(const Path& folder);
/// The images of a folder and of all folders below it.
std::vector<Path> images_below(const Path& folder);
/// The files directly in a folder that are no images by their suffix.
std::vector<Path> other_files_in(const Path& folder);
/// By what such files are counted: "suffix .txt", "dangling link".
std::string kind_of_other(const Path& file);

/// The folder in `parent` that has one of these names, whatever its case; the first name's first. Empty:
/// none.
Path folder_named(const Path& parent, std::span<const std::string_view> names);

/// `text` with / for every \\, as paths are written on Windows.
std::string with_slashes(std::string text);

/// Small Latin letters for capital ones.
std::string lower(std::string text);
/// Text in Unicode's form NFC, in which names that look alike are alike; text that is not UTF-8 as it is.
std::string composed(const std::string& text);
/// The file or folder at `path` as the disk spells it, whose names may be composed otherwise (NFC or NFD).
/// Empty: there is none.
Path found_as(const Path& path);

}  // namespace res2clip
