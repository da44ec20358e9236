// The layout of MVTec AD and of the data sets that follow it.
#include <map>
#include <utility>

#include "res2clip/core/error.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

bool means_normal(const std::string& folder) {
  return folder == "good" || folder == "ok";
}

bool is_class(const Path& folder) {
  return is_folder(folder / "train") || is_folder(folder / "test");
}

/// The masks of one kind of defect, by their names without suffix.
class Masks {
 public:
  explicit Masks(Path folder) : folder_(std::move(folder)), given_(is_folder(folder_)) {
    // The first by name, where several have one stem.
    for (const Path& mask : images_in(folder_)) by_stem_.emplace(mask.stem().string(), mask);
  }

  /// Empty where the defect has no folder of masks.
  Path of(const Path& image) const {
    if (!given_) return {};
    const std::string stem = image.stem().string();
    for (const std::string& name : {stem + "_mask", stem})
      if (const auto found = by_stem_.find(name); found != by_stem_.end()) return found->second;
    throw data_error((folder_ / (stem + "_mask.png")).string() + ": no such mask, of " + image.string() +
                     "; add it, or remove the folder if there are no masks");
  }

 private:
  Path folder_;
  bool given_;
  std::map<std::string, Path> by_stem_;
};

void add_images(Dataset& dataset, const std::string& category, const Path& class_folder, const Path& folder,
                bool test) {
  const std::string kind = folder.filename().string();
  const bool anomalous = !means_normal(kind);
  const Masks masks(class_folder / "ground_truth" / kind);
  for (const Path& image : images_in(folder)) {
    Sample sample = make_sample(dataset.root, image.lexically_relative(dataset.root), category,
                                anomalous ? kind : "good", anomalous);
    if (anomalous) sample.mask = masks.of(image);
    (test ? dataset.test : dataset.train)[category].push_back(std::move(sample));
  }
}

void add_class(Dataset& dataset, const std::string& category, const Path& folder) {
  dataset.categories.push_back(category);
  for (const Path& kind : folders_in(folder / "train"))
    if (means_normal(kind.filename().string())) add_images(dataset, category, folder, kind, false);
  for (const Path& kind : folders_in(folder / "test")) add_images(dataset, category, folder, kind, true);
}

/// The last name in a path, also of "." and of "leather/".
std::string folder_name(const Path& folder) {
  std::error_code ignored;
  const Path whole = std::filesystem::weakly_canonical(folder, ignored);
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace

Sample make_sample(const Path& root, const Path& below, const std::string& category,
                   const std::string& defect, bool anomalous) {
  return {root / below, {}, below.generic_string(), category, defect, anomalous};
}

Dataset load_class_folders(const Path& root) {
  Dataset dataset;
  dataset.root = root;
  if (is_class(root)) {
    add_class(dataset, folder_name(root), root);
    return dataset;
  }
  for (const Path& folder : folders_in(root))
    if (is_class(folder)) add_class(dataset, folder.filename().string(), folder);
  if (dataset.categories.empty())
    throw data_error(root.string() +
                     ": no class found; a class is a folder with train/good and test/good, test/DEFECT");
  return dataset;
}

}  // namespace res2clip
