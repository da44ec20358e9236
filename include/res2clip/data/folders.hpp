#pragma once

#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// The image files directly in a folder, in byte order of their names; links that lead to nothing are among
/// them, so that they are missed. Left out are hidden files and what systems leave behind (Thumbs.db). A
/// folder that is absent is empty; one that cannot be read is a data error.
std::vector<Path> images_in(const Path& folder);
/// The folder and all folders below it, each before those in it; a folder that links lead to twice comes
/// once.
std::vector<Path> folders_below(const Path& folder);

}  // namespace res2clip
