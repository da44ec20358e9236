#include <algorithm>

#include "res2clip/core/error.hpp"
#include "res2clip/data/layout.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

Dataset load_layout(Layout layout, const Path& root) {
  switch (layout) {
    case Layout::meta:
      return read_meta(root / "meta.json", root);
    case Layout::visa:
      return load_visa(root);
    case Layout::mvtec:
    case Layout::btad:
    case Layout::mpdd:
    case Layout::dtd:
    case Layout::folder:
      break;
  }
  return load_class_folders(root);
}

void keep_classes(Dataset& dataset, const std::vector<std::string>& wanted) {
  for (const std::string& category : wanted)
    if (std::find(dataset.categories.begin(), dataset.categories.end(), category) == dataset.categories.end())
      throw settings_error("class '" + category + "' is not in " + dataset.root.string() + "; it has " +
                           one_of(dataset.categories));
  std::erase_if(dataset.categories, [&](const std::string& category) {
    const bool keep = std::find(wanted.begin(), wanted.end(), category) != wanted.end();
    if (!keep) {
      dataset.train.erase(category);
      dataset.test.erase(category);
    }
    return !keep;
  });
}

}  // namespace

Dataset load_dataset(const DatasetOptions& options) {
  if (options.root.empty()) throw settings_error("no data set is named; give its folder with --data ROOT");
  const Path root = options.root;
  if (!is_folder(root)) throw data_error(root.string() + ": no such folder");
  Dataset dataset = load_layout(options.layout, root);
  dataset.name = name_of(options.layout);
  if (!options.classes.empty()) keep_classes(dataset, options.classes);
  for (const std::string& category : dataset.categories)
    if (dataset.test[category].empty())
      throw data_error(root.string() + ": class '" + category + "' has no test images");
  return dataset;
}

}  // namespace res2clip
