// Classes without train and test: anomalib's normal, abnormal and mask, or good parts beside kinds of
// defects.
#include <algorithm>
#include <array>

#include "res2clip/core/error.hpp"

#include "layouts.hpp"
#include "listing.hpp"
#include "masks.hpp"

namespace res2clip {
namespace {

constexpr std::array<std::string_view, 5> kMasks{"mask", "masks", "ground_truth", "gt", "groundtruth"};
constexpr std::string_view kTest = "_test";  // normal_test: normal images that are test images
constexpr std::size_t kTestShare = 5;        // else every fifth normal image is

bool is_of_masks(const Path& folder) {
  return std::find(kMasks.begin(), kMasks.end(), lower(folder.filename().string())) != kMasks.end();
}

struct FlatClass {
  Path normal, normal_test, masks;
  std::vector<Path> kinds;
};

FlatClass look_at(const LayoutReader& reader, const Path& folder) {
  FlatClass found;
  for (const Path& one : folders_in(folder)) {
    const std::string name = lower(one.filename().string());
    if (is_of_masks(one))
      found.masks = one;
    else if (reader.means_normal(name))
      found.normal = one;
    else if (name.ends_with(kTest) && reader.means_normal(name.substr(0, name.size() - kTest.size())))
      found.normal_test = one;
    else
      found.kinds.push_back(one);
  }
  return found;
}

void add_normal(LayoutReader& reader, const std::string& category, const FlatClass& flat) {
  const Path& root = reader.dataset.root;
  const auto add = [&](const Path& image, bool test) {
    reader.add(make_sample(root, image.lexically_relative(root), category, "good", false), test);
  };
  const auto images = images_below(flat.normal);
  const auto test_images = flat.normal_test.empty() ? std::vector<Path>{} : images_below(flat.normal_test);
  std::size_t among_normal = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const bool test = test_images.empty() && images.size() > 1 && i % kTestShare == 0;
    add(images[i], test);
    among_normal += test;
  }
  for (const Path& image : test_images) add(image, true);
  if (among_normal > 0)
    reader.remark(category + ": " + std::to_string(among_normal) + " of " + std::to_string(images.size()) +
                  " images in " + flat.normal.filename().string() +
                  " (every fifth by name) are test images, the others are for references");
}

/// The masks of a kind of defect: in a folder of the kind's name, or directly among the masks.
Path masks_of(const FlatClass& flat, const Path& kind, const Path& deeper) {
  if (flat.masks.empty()) return {};
  const Path own = flat.masks / kind.filename();
  if (deeper != ".")
    for (const Path& folder : {own / deeper, flat.masks / deeper})
      if (is_folder(folder)) return folder;
  return is_folder(own) ? own : flat.masks;
}

void refuse_masks_among(const std::vector<Path>& images) {
  for (std::size_t i = 1; i < images.size(); ++i)
    if (images[i].parent_path() == images[i - 1].parent_path() && images[i].stem() == images[i - 1].stem())
      throw data_error(
          images[i].string() + ": lies beside " + images[i - 1].filename().string() +
          " and may be its mask; masks belong in a folder 'mask' (Real-IAD is read with --dataset real_iad)");
}

void add_kind(LayoutReader& reader, const std::string& category, const FlatClass& flat, const Path& kind) {
  const Path& root = reader.dataset.root;
  for (const Path& folder : folders_below(kind)) {
    const auto images = images_in(folder);
    if (images.empty()) continue;
    refuse_masks_among(images);
    const std::string defect = defect_name(kind, folder);
    Masks masks(masks_of(flat, kind, folder.lexically_relative(kind)));
    for (const Path& image : images) {
      Sample sample = make_sample(root, image.lexically_relative(root), category, defect, true);
      sample.mask = masks.of(image);
      if (masks.given() && sample.mask.empty())
        reader.leave_out(masks.missing(image));
      else
        reader.add(std::move(sample), true);
    }
  }
}

}  // namespace

bool is_flat_class(const LayoutReader& reader, const Path& folder) {
  const FlatClass flat = look_at(reader, folder);
  return !flat.normal.empty() && !flat.kinds.empty() && !images_below(flat.normal).empty() &&
         std::any_of(flat.kinds.begin(), flat.kinds.end(),
                     [](const Path& kind) { return !images_below(kind).empty(); });
}

void read_flat_class(LayoutReader& reader, const std::string& category, const Path& folder) {
  const FlatClass flat = look_at(reader, folder);
  reader.add_class(category);
  add_normal(reader, category, flat);
  for (const Path& kind : flat.kinds) add_kind(reader, category, flat, kind);
}

}  // namespace res2clip
