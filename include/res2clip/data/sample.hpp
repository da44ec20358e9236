#pragma once

#include <map>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// One image of a data set.
struct Sample {
  Path image;            ///< absolute or relative to the working directory: ready to open
  Path mask;             ///< empty: all normal
  std::string name;      ///< the path relative to the data root, '/'-separated: how result files name it
  std::string category;  ///< the class, as in the folder or meta.json ("leather")
  std::string defect;    ///< "good" or the kind of defect
  bool anomalous = false;

  bool operator==(const Sample&) const = default;
};

/// A data set: for each class its normal training images (candidates for references) and its test images, in
/// a fixed order (by name, whatever the file system's order) or meta.json's own.
struct Dataset {
  std::string name;
  Path root;
  std::vector<std::string> categories;
  std::map<std::string, std::vector<Sample>> train;
  std::map<std::string, std::vector<Sample>> test;
};

}  // namespace res2clip
