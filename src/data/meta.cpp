#include <algorithm>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/data/layout.hpp"

#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

using Json = nlohmann::ordered_json;  // classes keep the file's order

const Json& member(const Json& object, const char* name, const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end()) throw data_error(where + " has no \"" + name + "\"");
  return *found;
}

std::string text_member(const Json& object, const char* name, const std::string& where) {
  const Json& value = member(object, name, where);
  if (!value.is_string()) throw data_error(where + ": \"" + name + "\" is not text");
  return value.get<std::string>();
}

bool anomaly_member(const Json& object, const std::string& where) {
  const Json& value = member(object, "anomaly", where);
  if (value.is_boolean()) return value.get<bool>();
  if (value != 0 && value != 1) throw data_error(where + ": \"anomaly\" is neither 0 nor 1");
  return value == 1;
}

Sample read_item(const Json& item, const Path& root, const std::string& category, const std::string& where) {
  if (!item.is_object()) throw data_error(where + " is not an object");
  const std::string image = text_member(item, "img_path", where);
  Sample sample = make_sample(root, image, category, text_member(item, "specie_name", where),
                              anomaly_member(item, where));
  if (!is_file(sample.image)) throw data_error(where + ": " + sample.image.string() + " is absent");
  const std::string mask = text_member(item, "mask_path", where);
  if (sample.anomalous && !mask.empty() && !is_folder(root / mask)) {
    sample.mask = root / mask;
    if (!is_file(sample.mask)) throw data_error(where + ": the mask " + sample.mask.string() + " is absent");
  }
  return sample;
}

void read_split(const Json& meta, const char* split, Dataset& dataset,
                std::map<std::string, std::vector<Sample>>& target, const std::string& file) {
  const Json& classes = member(meta, split, file + ": the file");
  if (!classes.is_object()) throw data_error(file + ": \"" + split + "\" is not an object of classes");
  for (const auto& [category, items] : classes.items()) {
    const std::string where = file + ": " + split + "." + category;
    if (!items.is_array()) throw data_error(where + " is not a list");
    if (std::find(dataset.categories.begin(), dataset.categories.end(), category) == dataset.categories.end())
      dataset.categories.push_back(category);
    auto& samples = target[category];
    for (std::size_t i = 0; i < items.size(); ++i)
      samples.push_back(read_item(items[i], dataset.root, category, where + "[" + std::to_string(i) + "]"));
  }
}

Json item_of(const Sample& sample, const Path& root) {
  return {{"img_path", sample.name},
          {"mask_path", sample.mask.empty() ? "" : sample.mask.lexically_relative(root).generic_string()},
          {"cls_name", sample.category},
          {"specie_name", sample.defect},
          {"anomaly", sample.anomalous ? 1 : 0}};
}

Json split_of(const Dataset& dataset, const std::map<std::string, std::vector<Sample>>& split) {
  Json classes = Json::object();
  for (const std::string& category : dataset.categories) {
    Json& items = classes[category] = Json::array();
    const auto found = split.find(category);
    if (found == split.end()) continue;
    for (const Sample& sample : found->second) items.push_back(item_of(sample, dataset.root));
  }
  return classes;
}

}  // namespace

Dataset read_meta(const Path& file, const Path& root) {
  Json meta;
  try {
    meta = Json::parse(read_file(file));
  } catch (const nlohmann::json::exception& fault) {
    throw data_error(file.string() + ": is not JSON: " + fault.what());
  }
  if (!meta.is_object()) throw data_error(file.string() + ": is not an object with \"train\" and \"test\"");
  Dataset dataset;
  dataset.name = name_of(Layout::meta);
  dataset.root = root;
  read_split(meta, "train", dataset, dataset.train, file.string());
  read_split(meta, "test", dataset, dataset.test, file.string());
  if (dataset.categories.empty()) throw data_error(file.string() + ": lists no classes");
  return dataset;
}

void write_meta(const Dataset& dataset, const Path& file) {
  const Json meta{{"train", split_of(dataset, dataset.train)}, {"test", split_of(dataset, dataset.test)}};
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
