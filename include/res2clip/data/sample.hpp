#pragma once

#include <map>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// One image of a data set.
struct Sample {
  Path image;            ///< absolute or relative to the working directory: ready to open
  Path mask;             ///< empty: all normal; a folder (MVTec LOCO): the union of the masks in it
  std::string name;      ///< how result files name it: the path below the data root, '/'-separated. Never
                         ///< absolute and without "..", so that an output named after it stays in its folder
  std::string category;  ///< the class, as in the folder or meta.json ("leather")
  std::string defect;    ///< "good" or the kind of defect
  bool anomalous = false;

  bool operator==(const Sample&) const = default;
};

/// A data set: for each class its normal training images (candidates for references) and its test images, in
/// a fixed order (by name, whatever the file system's order) or meta.json's own. Both maps have all classes.
struct Dataset {
  std::string name;
  Path root;
  std::vector<std::string> categories;
  std::map<std::string, std::vector<Sample>> train;
  std::map<std::string, std::vector<Sample>> test;
  /// What a user should know, a line each: what was left out, what may be wrong, with counts.
  std::vector<std::string> remarks;
  /// Images that were left out because they or their masks cannot be used: what is wrong with each.
  std::vector<std::string> left_out;
};

/// A sample whose image is `below`, a path relative to `root` (or an absolute one).
Sample make_sample(const Path& root, const Path& below, const std::string& category,
                   const std::string& defect, bool anomalous);

/// The image files of a mask: itself, or those in its folder, by name. Empty if there is no mask.
std::vector<Path> mask_files(const Sample& sample);

}  // namespace res2clip
