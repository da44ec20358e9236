#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// The masks in one folder, by the images that they are of.
class Masks {
 public:
  /// A folder that is absent or empty holds none.
  explicit Masks(const Path& folder);

  /// Whether there is such a folder.
  bool given() const { return given_; }

  /// The mask of an image: STEM_mask, STEM, or STEM with another ending that means a mask (_Mask, -mask,
  /// _label, _gt), with any image suffix, or a folder STEM of masks. Of several the first in that order, then
  /// by name. Names may be composed otherwise (NFC, NFD). Empty: there is none.
  Path of(const Path& image);

  /// What is wrong if an image has no mask: what was looked for, and what is there.
  std::string missing(const Path& image) const;

  /// Images that were asked for and have several masks of which one is read.
  std::size_t ambiguous() const { return ambiguous_; }
  /// "000_mask.png, not 000_mask.bmp": of the first such image.
  const std::string& choice() const { return choice_; }

  /// The masks, and folders of masks, that were never asked for.
  std::vector<Path> unused() const;

 private:
  Path folder_;
  bool given_ = false;
  std::vector<Path> all_;
  std::map<std::string, Path> by_stem_;             // the first by name, if several have one stem
  std::map<std::string, Path> by_image_;            // likewise, by the stem without its ending
  std::map<std::string, std::vector<Path>> alike_;  // all masks that may be of a stem
  std::set<Path> used_;
  std::size_t ambiguous_ = 0;
  std::string choice_;
};

/// Throws a data error if one of the images of a folder is named as the mask of another, as 000_mask.png
/// beside 000.png.
void refuse_named_as_masks(const std::vector<Path>& images);

}  // namespace res2clip
