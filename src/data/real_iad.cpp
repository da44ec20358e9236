// Real-IAD: realiad_jsons/CLASS.json lists the images of a class, which lie in CLASS/ beside it or one
// deeper.
#include "res2clip/core/error.hpp"

#include "json_file.hpp"
#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

constexpr const char* kLists = "realiad_jsons";

std::vector<Path> lists_in(const Path& folder) {
  std::vector<Path> lists;
  for (const Path& file : other_files_in(folder))
    if (lower(file.extension().string()) == ".json") lists.push_back(file);
  return lists;
}

/// The lists of all classes: in the root's folder of them (which archives hold twice), or in one beside it.
std::vector<Path> find_lists(const Path& root) {
  for (const Path& folder :
       {root / kLists, root / kLists / kLists, root / ".." / kLists, root / ".." / kLists / kLists})
    if (auto lists = lists_in(folder); !lists.empty()) return lists;
  throw data_error(root.string() + ": no lists of Real-IAD; " + (root / kLists / "CLASS.json").string() +
                   " is looked for, and the same in the folder above");
}

/// The folder that the paths of a list are relative to; empty: its images are not here.
Path folder_of(const Path& root, const std::string& prefix) {
  if (is_folder(root / prefix)) return root / prefix;
  for (const Path& folder : folders_in(root))
    if (is_folder(folder / prefix)) return folder / prefix;
  return {};
}

void read_items(LayoutReader& reader, const OrderedJson& items, const std::string& category,
                const Path& folder, const std::string& normal, const std::string& where, bool test) {
  if (!items.is_array()) throw data_error(where + " is not a list");
  const Path& root = reader.dataset.root;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string place = where + "[" + std::to_string(i) + "]";
    if (!items[i].is_object()) throw data_error(place + " is not an object");
    const std::string kind = text_member(items[i], "anomaly_class", place);
    const bool anomalous = kind != normal;
    const Path image = folder / text_member(items[i], "image_path", place);
    Sample sample =
        make_sample(root, image.lexically_relative(root), category, anomalous ? kind : "good", anomalous);
    const std::string mask = optional_text(items[i], "mask_path", place);
    if (anomalous && !mask.empty()) sample.mask = folder / mask;
    if (test || !anomalous) reader.add(std::move(sample), test, place);
  }
}

}  // namespace

void read_real_iad(LayoutReader& reader) {
  const Path root = reader.dataset.root;
  std::size_t elsewhere = 0;
  for (const Path& file : find_lists(root)) {
    const std::string category = file.stem().string();
    if (!reader.wants(category)) continue;
    const OrderedJson list = read_json_file(file);
    const std::string where = file.string();
    if (!list.is_object())
      throw data_error(where + ": is not an object with \"meta\", \"train\" and \"test\"");
    const OrderedJson& about = member(list, "meta", where + ": the file");
    const std::string normal = text_member(about, "normal_class", where + ": meta");
    const Path folder = folder_of(root, text_member(about, "prefix", where + ": meta"));
    if (folder.empty()) {
      ++elsewhere;
      continue;
    }
    reader.add_class(category);
    read_items(reader, member(list, "train", where + ": the file"), category, folder, normal,
               where + ": train", false);
    read_items(reader, member(list, "test", where + ": the file"), category, folder, normal, where + ": test",
               true);
  }
  if (reader.dataset.categories.empty() && elsewhere > 0)
    throw data_error(root.string() + ": no folder of a class that " + kLists + " lists");
  if (elsewhere > 0)
    reader.remark(std::to_string(elsewhere) + " of the classes that " + kLists + " lists are not below " +
                  root.string() + ": left out");
}

}  // namespace res2clip
