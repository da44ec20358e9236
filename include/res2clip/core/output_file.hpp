#pragma once

#include <string>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// The path of an image's output file. A name that no file could have is shortened, and ends in a part of its
/// SHA-256 instead.
Path output_file(const Path& folder, const std::string& name, const std::string& suffix);

}  // namespace res2clip
