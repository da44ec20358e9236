#include <algorithm>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/data/layout.hpp"

#include "json_file.hpp"
#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

bool anomaly_member(const OrderedJson& object, const std::string& where) {
  const OrderedJson& value = member(object, "anomaly", where);
  if (value.is_boolean()) return value.get<bool>();
  if (value != 0 && value != 1) throw data_error(where + ": \"anomaly\" is neither 0 nor 1");
  return value == 1;
}

/// A path as the file has it, or with / for \\ if it is found so: the file may have been written on Windows.
std::string written_path(const Path& root, const std::string& text) {
  std::error_code ignored;
  if (text.find('\\') == std::string::npos || std::filesystem::exists(root / text, ignored)) return text;
  return std::filesystem::exists(root / with_slashes(text), ignored) ? with_slashes(text) : text;
}

Sample read_item(const OrderedJson& item, const Path& root, const std::string& category,
                 const std::string& where) {
  if (!item.is_object()) throw data_error(where + " is not an object");
  const std::string image = written_path(root, text_member(item, "img_path", where));
  const std::string named = optional_text(item, "cls_name", where);
  if (!named.empty() && named != category)
    throw data_error(where + ": \"cls_name\" is '" + named + "', but it stands under '" + category + "'");
  const bool anomalous = anomaly_member(item, where);
  std::string defect = optional_text(item, "specie_name", where);
  if (defect.empty()) defect = anomalous ? "anomaly" : "good";
  Sample sample = make_sample(root, image, category, defect, anomalous);
  const std::string mask = written_path(root, optional_text(item, "mask_path", where));
  // A folder is not a mask in this format.
  if (anomalous && !mask.empty() && !is_folder(root / mask)) sample.mask = root / mask;
  return sample;
}

void read_split(LayoutReader& reader, const OrderedJson& classes, const std::string& where, bool test) {
  if (!classes.is_object()) throw data_error(where + " is not an object of classes");
  for (const auto& [category, items] : classes.items()) {
    if (!reader.wants(category)) continue;
    const std::string list = where + "." + category;
    if (!items.is_array()) throw data_error(list + " is not a list");
    if (test) reader.add_class(category);
    std::size_t unread = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string place = list + "[" + std::to_string(i) + "]";
      Sample sample = read_item(items[i], reader.dataset.root, category, place);
      if (!sample.anomalous && !optional_text(items[i], "mask_path", place).empty()) ++unread;
      reader.add(std::move(sample), test, place);
    }
    if (unread > 0)
      reader.remark(list + ": " + std::to_string(unread) +
                    " normal images name a mask, which is not read: all their pixels count as good");
  }
}

/// Classes that have training images only are nothing to evaluate, as for the authors' loader.
void forget_classes_without_test(LayoutReader& reader) {
  Dataset& dataset = reader.dataset;
  std::erase_if(dataset.train, [&](const auto& entry) {
    const auto& known = dataset.categories;
    if (std::find(known.begin(), known.end(), entry.first) != known.end()) return false;
    reader.remark("class '" + entry.first + "' has training images only: left out");
    return true;
  });
}

/// Relative to the root, absolute if the image does not lie below it.
std::string path_in_file(const Sample& sample, const Path& root) {
  const bool below = (root / sample.name).lexically_normal() == sample.image.lexically_normal();
  return below ? sample.name : std::filesystem::absolute(sample.image).lexically_normal().generic_string();
}

OrderedJson item_of(const Sample& sample, const Path& root) {
  Path mask = sample.mask;
  if (is_folder(mask)) {
    const auto parts = mask_files(sample);
    if (parts.size() != 1)
      throw data_error(mask.string() + ": has " + std::to_string(parts.size()) +
                       " masks of one image, and meta.json names one an image; run eval and train on the "
                       "folders themselves");
    mask = parts.front();
  }
  return {{"img_path", path_in_file(sample, root)},
          {"mask_path", mask.empty() ? "" : mask.lexically_relative(root).generic_string()},
          {"cls_name", sample.category},
          {"specie_name", sample.defect},
          {"anomaly", sample.anomalous ? 1 : 0}};
}

OrderedJson split_of(const Dataset& dataset, const std::map<std::string, std::vector<Sample>>& split) {
  OrderedJson classes = OrderedJson::object();
  for (const std::string& category : dataset.categories) {
    OrderedJson& items = classes[category] = OrderedJson::array();
    const auto found = split.find(category);
    if (found == split.end()) continue;
    for (const Sample& sample : found->second) items.push_back(item_of(sample, dataset.root));
  }
  return classes;
}

}  // namespace

void read_meta(LayoutReader& reader, const Path& file, Splits splits) {
  const OrderedJson meta = read_json_file(file);
  if (!meta.is_object()) throw data_error(file.string() + ": is not an object with \"train\" and \"test\"");
  read_split(reader, member(meta, "test", file.string() + ": the file"), file.string() + ": test", true);
  if (const auto train = meta.find("train"); splits == Splits::all && train != meta.end())
    read_split(reader, *train, file.string() + ": train", false);
  if (reader.classes_seen().empty()) throw data_error(file.string() + ": lists no classes");
  forget_classes_without_test(reader);
}

void write_meta(const Dataset& dataset, const Path& file) {
  const OrderedJson meta{{"train", split_of(dataset, dataset.train)},
                         {"test", split_of(dataset, dataset.test)}};
  std::string text;
  try {
    text = meta.dump(4) + "\n";
  } catch (const nlohmann::json::exception&) {
    throw data_error(dataset.root.string() +
                     ": a file name is not UTF-8, which meta.json cannot hold; rename it");
  }
  write_file(file, text);
}

}  // namespace res2clip
