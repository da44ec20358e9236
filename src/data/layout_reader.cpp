#include <algorithm>

#include "res2clip/core/error.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Empty: both files are there.
std::string absent_file(const Sample& sample) {
  if (is_dangling(sample.image)) return {};  // what leads to nothing is told when it is opened
  if (!is_file(sample.image)) return sample.image.string() + " is absent";
  std::error_code ignored;
  if (!sample.mask.empty() && !std::filesystem::exists(sample.mask, ignored) && !is_dangling(sample.mask))
    return "the mask " + sample.mask.string() + " is absent";
  return {};
}

/// The path of an image below the root, or one made of its whole path that is not a way out of a folder.
std::string name_below(const Path& root, const Path& image) {
  const Path below = image.lexically_normal().lexically_relative(root.lexically_normal());
  if (!below.empty() && *below.begin() != "..") return below.generic_string();
  return ("outside" / std::filesystem::absolute(image).lexically_normal().relative_path()).generic_string();
}

}  // namespace

Sample make_sample(const Path& root, const Path& below, const std::string& category,
                   const std::string& defect, bool anomalous) {
  const Path image = root / below;
  return {image, {}, name_below(root, image), category, defect, anomalous};
}

std::vector<Path> mask_files(const Sample& sample) {
  if (sample.mask.empty()) return {};
  return is_folder(sample.mask) ? images_in(sample.mask) : std::vector<Path>{sample.mask};
}

std::string defect_name(const Path& kind, const Path& folder) {
  return folder == kind ? kind.filename().string()
                        : folder.lexically_relative(kind.parent_path()).generic_string();
}

bool LayoutReader::wants(const std::string& category) {
  if (!contains(seen_, category)) seen_.push_back(category);
  return options_.classes.empty() || contains(options_.classes, category);
}

bool LayoutReader::means_normal(const std::string& folder) const {
  return std::any_of(options_.good.begin(), options_.good.end(),
                     [&](const std::string& name) { return lower(name) == lower(folder); });
}

void LayoutReader::add_class(const std::string& category) {
  if (!contains(dataset.categories, category)) dataset.categories.push_back(category);
}

void LayoutReader::add(Sample sample, bool test, const std::string& where) {
  if (test) {
    for (Path* file : {&sample.image, &sample.mask})
      if (!file->empty())
        if (const Path found = found_as(*file); !found.empty()) *file = found;
    if (const std::string absent = absent_file(sample); !absent.empty())
      return leave_out(where.empty() ? absent : where + ": " + absent);
  }
  (test ? dataset.test : dataset.train)[sample.category].push_back(std::move(sample));
}

void LayoutReader::leave_out(const std::string& what_is_wrong) {
  if (!options_.skip_broken) throw data_error(what_is_wrong);
  dataset.left_out.push_back(what_is_wrong);
}

}  // namespace res2clip
