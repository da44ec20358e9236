#pragma once

#include <optional>
#include <string>
#include <vector>

#include "res2clip/core/files.hpp"

namespace res2clip {

bool is_folder(const Path& path);
bool is_file(const Path& path);

/// The image files directly in a folder, in byte order of their names, hidden ones left out. A folder that is
/// absent is empty; one that cannot be read is a data error.
std::vector<Path> images_in(const Path& folder);
/// The folders directly in a folder, likewise.
std::vector<Path> folders_in(const Path& folder);

}  // namespace res2clip
