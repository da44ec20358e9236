#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"
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

/// The references of several runs, each image once, those of the first run first.
References joined(std::span<const References> references);

/// Which references a run takes.
struct ReferenceChoice {
  std::string source;       ///< empty: drawn by the seed; "first", "published", or a references file
  std::int64_t shots = 1;   ///< per class; 0: none
  std::int64_t seed = 111;  ///< of a draw
};

/// Whether a source is a file.
bool is_references_file(const std::string& source);

/// The references of all classes of a data set. Of a references file, those in `unusable` are passed over.
/// Throws as the functions above.
References references_for(const Dataset& dataset, const ReferenceChoice& choice,
                          const std::set<Path>& unusable = {});

/// Adds a remark to the data set for each class whose references are among its test images. Throws a data
/// error for a reference that is an anomalous one.
void remark_on_references(Dataset& dataset, const References& references);

/// References as the text of a references file, paths relative to `root` where they lie below it.
std::string references_json(const References& references, const Path& root);

}  // namespace res2clip
