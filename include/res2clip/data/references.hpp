#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"
#include "res2clip/data/sample.hpp"

namespace res2clip {

/// The normal images that a class is compared with: class -> paths, ready to open, best known first.
using References = std::map<std::string, std::vector<Path>>;

/// Reads a references file of the authors' format, {"class": ["path", ...]}. A path is absolute, or relative
/// to the data root, or (as in the authors' release) to the working directory; the first that exists is
/// taken. Throws a data error for a malformed file and for a path that exists nowhere.
References read_references(const Path& file, const Path& root);

/// The first `shots` references of each of these classes. Throws a data error for a class that is not listed
/// or has fewer.
References take_references(const References& references, const std::vector<std::string>& categories,
                           std::int64_t shots);

/// Draws `shots` normal training images for each class without replacement. A draw depends on seed and class
/// name and on the names of the class's images, not on their order or on other classes. Throws a data error
/// for a class with fewer training images.
References choose_references(const Dataset& dataset, std::int64_t shots, std::int64_t seed);

/// References as the text of a references file, paths relative to `root` where they lie below it.
std::string references_json(const References& references, const Path& root);

}  // namespace res2clip
