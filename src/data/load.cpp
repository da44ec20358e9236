#include <algorithm>
#include <set>

#include "res2clip/core/error.hpp"
#include "res2clip/data/layout.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

void read_layout(LayoutReader& reader, Layout layout, const Path& file, Splits splits) {
  switch (layout) {
    case Layout::meta:
      return read_meta(reader, file, splits);
    case Layout::visa:
      return read_visa(reader);
    case Layout::real_iad:
      return read_real_iad(reader);
    case Layout::mvtec:
    case Layout::btad:
    case Layout::mpdd:
    case Layout::dtd:
    case Layout::loco:
    case Layout::mvtec_ad2:
    case Layout::anomalib:
    case Layout::folder:
      break;
  }
  read_class_folders(reader);
}

void require_classes(const std::vector<std::string>& wanted, const LayoutReader& reader, const Path& root) {
  const auto& seen = reader.classes_seen();
  for (const std::string& category : wanted)
    if (std::find(seen.begin(), seen.end(), category) == seen.end())
      throw settings_error("class '" + category + "' is not in " + root.string() + "; it has " +
                           one_of(seen));
}

/// What may be wrong with a class as it is labelled.
void remark_on_labels(Dataset& dataset, const std::string& category) {
  const auto& samples = dataset.test.at(category);
  std::size_t anomalous = 0, without_mask = 0, repeated = 0, shared = 0;
  std::set<std::string> names;
  std::set<Path> masks;
  for (const Sample& sample : samples) {
    anomalous += sample.anomalous;
    without_mask += sample.anomalous && sample.mask.empty();
    const bool first = names.insert(sample.name).second;
    repeated += !first;
    shared += first && !sample.mask.empty() && !masks.insert(sample.mask).second;
  }
  const auto remark = [&](const std::string& text) { dataset.remarks.push_back(category + ": " + text); };
  if (anomalous == samples.size())
    remark(
        "no test image is normal; folders of normal images are named good, ok or normal (--good names "
        "others)");
  if (anomalous == 0) remark("no test image is anomalous");
  if (without_mask > 0)
    remark(std::to_string(without_mask) + " of " + std::to_string(anomalous) +
           " anomalous images have no mask: their pixels count as good");
  if (shared > 0) remark("images whose mask is another image's too: " + std::to_string(shared));
  if (repeated > 0) remark("test images listed more than once: " + std::to_string(repeated));
}

}  // namespace

Dataset load_dataset(const DatasetOptions& options, Splits splits) {
  if (options.root.empty()) throw settings_error("no data set is named; give its folder with --data ROOT");
  const Path root = options.root;
  const bool file = options.layout == Layout::meta && is_file(root);
  if (!file && !is_folder(root)) throw data_error(root.string() + ": no such folder");
  Dataset dataset;
  dataset.root = !file ? root : root.has_parent_path() ? root.parent_path() : Path(".");
  dataset.name = name_of(options.layout);
  LayoutReader reader(dataset, options);
  read_layout(reader, options.layout, file ? root : root / "meta.json", splits);
  require_classes(options.classes, reader, root);
  for (const std::string& category : dataset.categories) {
    dataset.train[category];
    if (dataset.test[category].empty())
      throw data_error(root.string() + ": class '" + category +
                       "' has no test images; they lie in test/good and test/DEFECT");
    remark_on_labels(dataset, category);
  }
  return dataset;
}

void require_training_images(Dataset& dataset, bool skip_broken) {
  for (auto& [category, samples] : dataset.train)
    std::erase_if(samples, [&, &category = category](const Sample& sample) {
      if (is_file(found_as(sample.image))) return false;
      const std::string what =
          sample.image.string() + " is absent, a training image of class '" + category + "'";
      if (!skip_broken) throw data_error(what);
      dataset.left_out.push_back(what);
      return true;
    });
}

Dataset read_meta(const Path& file, const Path& root) {
  Dataset dataset;
  dataset.name = name_of(Layout::meta);
  dataset.root = root;
  const DatasetOptions options;
  LayoutReader reader(dataset, options);
  read_meta(reader, file, Splits::all);
  for (const std::string& category : dataset.categories) dataset.train[category], dataset.test[category];
  return dataset;
}

}  // namespace res2clip
