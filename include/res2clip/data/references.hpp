#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "res2clip/core/files.hpp"
#include "res2clip/data/sample.hpp"

namespace res2clip {

/// The normal images that a class is compared with: class -> paths, ready to open, best known first.
using References = std::map<std::string, std::vector<Path>>;

/// Reads a references file of the authors' format, {"class": ["path", ...]}, of these classes alone (none
/// named: all). A path is absolute, or relative to the data root, or (as in the authors' release) to the
/// working directory; the first that exists is taken. Otherwise its tail is looked for below the data root,
/// the longest first, of at least two names: "./data/MVTec/carpet/train/good/148.png" is found as
/// "carpet/train/good/148.png". Throws a data error for a malformed file and for a path that exists nowhere.
References read_references(const Path& file, const Path& root,
                           const std::vector<std::string>& categories = {});

/// The lists of one reference a class that the authors published, for MVTec AD, VisA and BTAD: the images of
/// the training split that have the listed names. Throws a settings error for a class that is in none of
/// them, and a data error if a listed image is not in the data set.
References published_references(const Dataset& dataset);

/// The normal training images of each class in the data set's order: as the authors' program takes them
/// without a list.
References training_references(const Dataset& dataset);

/// The first `shots` references of each of these classes. Throws a data error for a class that is not listed
/// or has fewer.
References take_references(const References& references, const std::vector<std::string>& categories,
                           std::int64_t shots);

/// Draws `shots` normal training images for each class without replacement. A draw depends on seed and class
/// name and on the names of the class's images, not on their order or on other classes. Throws a data error
/// for a class with fewer training images.
References choose_references(const Dataset& dataset, std::int64_t shots, std::int64_t seed);

/// The references of a run as `run.references` says it: empty: drawn by the seed; "first"; "published"; else
/// a references file. Throws as these do, and a data error if a reference is an anomalous test image. A
/// remark for each class whose references are among its test images is added to `dataset`.
References references_for(Dataset& dataset, const std::string& source, std::int64_t shots, std::int64_t seed);

/// References as the text of a references file, paths relative to `root` where they lie below it.
std::string references_json(const References& references, const Path& root);

}  // namespace res2clip
