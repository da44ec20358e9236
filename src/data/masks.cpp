#include "masks.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "res2clip/core/error.hpp"

#include "listing.hpp"

namespace res2clip {
namespace {

constexpr std::array<std::string_view, 8> kEndings{"_mask",  "-mask", "_masks", "_label",
                                                   "-label", "_gt",   "-gt",    "_seg"};

std::string stem_of(const Path& path) {
  return composed(path.stem().string());
}

/// A mask's stem without the ending that says that it is one; empty if it has none.
std::string without_ending(const std::string& stem) {
  const std::string small = lower(stem);
  for (const std::string_view ending : kEndings)
    if (small.ends_with(ending) && small.size() > ending.size())
      return stem.substr(0, stem.size() - ending.size());
  return {};
}

}  // namespace

Masks::Masks(const Path& folder) : folder_(folder), given_(is_folder(folder)), all_(images_in(folder)) {
  for (const Path& mask : all_) {
    const std::string stem = stem_of(mask);
    by_stem_.emplace(stem, mask);
    alike_[stem].push_back(mask);
    if (const std::string image = without_ending(stem); !image.empty()) {
      by_image_.emplace(image, mask);
      alike_[image].push_back(mask);
    }
  }
  for (const Path& masks : folders_in(folder))
    if (by_stem_.emplace(composed(masks.filename().string()), masks).second) all_.push_back(masks);
}

std::vector<Path> Masks::unused() const {
  std::vector<Path> unused;
  std::copy_if(all_.begin(), all_.end(), std::back_inserter(unused),
               [&](const Path& mask) { return !used_.contains(mask); });
  return unused;
}

Path Masks::of(const Path& image) {
  const std::string stem = stem_of(image);
  Path mask;
  for (const auto& [masks, name] :
       {std::pair(&by_stem_, stem + "_mask"), std::pair(&by_stem_, stem), std::pair(&by_image_, stem)})
    if (const auto found = masks->find(name); mask.empty() && found != masks->end()) mask = found->second;
  if (mask.empty()) return mask;
  used_.insert(mask);
  const auto alike = alike_.find(stem);
  if (alike == alike_.end() || alike->second.size() < 2) return mask;
  for (const Path& other : alike->second)
    if (used_.insert(other).second && choice_.empty())
      choice_ = mask.filename().string() + ", not " + other.filename().string();
  ++ambiguous_;
  return mask;
}

void refuse_named_as_masks(const std::vector<Path>& images) {
  std::set<std::string> stems;
  for (const Path& image : images) stems.insert(stem_of(image));
  for (const Path& image : images)
    if (const std::string other = without_ending(stem_of(image));
        stems.contains(other) && lower(stem_of(image)).ends_with("mask"))
      throw data_error(image.string() + ": is named as the mask of " + other +
                       " beside it; masks lie in ground_truth/KIND, not among the images");
}

std::string Masks::missing(const Path& image) const {
  return (folder_ / (image.stem().string() + "_mask.png")).string() + ": no such mask, of " + image.string() +
         (all_.empty() ? "; the folder holds none"
                       : "; the folder holds masks like " + all_.front().filename().string()) +
         "; add it (STEM_mask, STEM_label, STEM_gt and STEM are read), or remove the folder if there are no "
         "masks";
}

}  // namespace res2clip
