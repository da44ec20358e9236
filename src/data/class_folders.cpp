// The layout of MVTec AD and of the data sets that follow it.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "res2clip/core/error.hpp"
#include "res2clip/data/inputs.hpp"

#include "layouts.hpp"
#include "listing.hpp"
#include "masks.hpp"

namespace res2clip {
namespace {

constexpr std::array<std::string_view, 2> kTrain{"train", "training"};
// MVTec AD 2 keeps test_private back.
constexpr std::array<std::string_view, 3> kTest{"test", "testing", "test_public"};
constexpr std::array<std::string_view, 7> kMasks{
    "ground_truth", "groundtruth", "ground-truth", "ground truth", "gt", "masks", "mask"};

bool is_class(const Path& folder) {
  return !folder_named(folder, kTrain).empty() || !folder_named(folder, kTest).empty();
}

/// The folder below `parent` on this way, whatever the case and composition of its names. Empty: none.
Path folder_alike(const Path& parent, const Path& way) {
  Path at = parent;
  for (const Path& name : way) {
    if (name == ".") continue;
    if (is_folder(at / name)) {
      at /= name;
      continue;
    }
    const auto folders = folders_in(at);
    const std::string wanted = lower(composed(name.string()));
    const auto found = std::find_if(folders.begin(), folders.end(), [&](const Path& folder) {
      return lower(composed(folder.filename().string())) == wanted;
    });
    if (found == folders.end()) return {};
    at = *found;
  }
  return at;
}

/// Reads one class.
class ClassReader {
 public:
  ClassReader(LayoutReader& reader, std::string category, const Path& folder)
      : reader_(reader),
        category_(std::move(category)),
        folder_(folder),
        train_(folder_named(folder, kTrain)),
        test_(folder_named(folder, kTest)),
        masks_(folder_named(folder, kMasks)) {
    if (masks_.empty() && !test_.empty()) masks_ = folder_named(test_, kMasks);
  }

  void read() {
    reader_.add_class(category_);
    for (const Path& kind : kinds_in(train_))
      if (reader_.means_normal(kind.filename().string()))
        add_kind(kind, false);
      else
        pass_over(images_below(kind).size(), kind, "not used: training images are normal ones");
    for (const Path& kind : kinds_in(test_)) add_kind(kind, true);
    remark_on_unused_masks();
    for (const Path& split : {train_, test_})
      if (!split.empty())
        pass_over(images_in(split).size(), split,
                  "not read: images lie in a folder below, as good or the name of a defect");
    for (const Path& other : folders_in(folder_))
      if (other != train_ && other != test_ && other != masks_)
        pass_over(images_below(other).size(), other, "not read: only train, test and ground_truth are");
    if (left_out_.any()) reader_.remark(category_ + ": " + left_out_.text() + " not read");
  }

 private:
  std::vector<Path> kinds_in(const Path& split) const {
    auto kinds = split.empty() ? std::vector<Path>{} : folders_in(split);
    std::erase(kinds, masks_);
    return kinds;
  }

  void pass_over(std::size_t images, const Path& folder, const std::string& why) {
    if (images > 0)
      reader_.remark(category_ + ": " + std::to_string(images) +
                     (images == 1 ? " image in " : " images in ") +
                     folder.lexically_relative(folder_).generic_string() + " " + why);
  }

  /// Where the masks of a folder of images are, which may be deeper than its kind. Masks of the only kind may
  /// lie directly among the masks.
  Path masks_of(const Path& kind, const Path& deeper) const {
    if (masks_.empty()) return {};
    const Path own = folder_alike(masks_, kind.filename());
    if (!own.empty()) {
      const Path below = folder_alike(own, deeper);
      return below.empty() ? own : below;
    }
    const auto kinds = kinds_in(test_);
    const auto anomalous = std::count_if(kinds.begin(), kinds.end(), [&](const Path& one) {
      return !reader_.means_normal(one.filename().string());
    });
    return anomalous == 1 && !images_in(masks_).empty() ? masks_ : Path();
  }

  void add_kind(const Path& kind, bool test) {
    const bool anomalous = !reader_.means_normal(kind.filename().string());
    for (const Path& folder : folders_below(kind)) {
      if (anomalous && folder != kind && reader_.means_normal(folder.filename().string()))
        throw data_error(folder.string() + ": a folder of normal images lies in one of defects, '" +
                         kind.filename().string() + "'; move it beside that, or name folders with --good");
      if (anomalous)
        add_defects(kind, folder, test);
      else
        add_normal(folder, test);
      for (const Path& file : other_files_in(folder)) ++left_out_.files[kind_of_other(file)];
    }
  }

  Sample sample_of(const Path& image, const std::string& defect, bool anomalous) const {
    const Path& root = reader_.dataset.root;
    return make_sample(root, image.lexically_relative(root), category_, defect, anomalous);
  }

  void add_normal(const Path& folder, bool test) {
    for (const Path& image : images_in(folder)) reader_.add(sample_of(image, "good", false), test);
  }

  void add_defects(const Path& kind, const Path& folder, bool test) {
    const Path mask_folder = masks_of(kind, folder.lexically_relative(kind));
    Masks& masks = mask_folders_.try_emplace(mask_folder, mask_folder).first->second;
    const auto images = images_in(folder);
    if (!masks.given()) refuse_named_as_masks(images);
    for (const Path& image : images) {
      Sample sample = sample_of(image, defect_name(kind, folder), true);
      sample.mask = masks.of(image);
      if (masks.given() && sample.mask.empty())
        reader_.leave_out(masks.missing(image));
      else
        reader_.add(std::move(sample), test);
    }
  }

  /// Masks of kinds that have no images, or have another name.
  void remark_on_masks_of_no_kind() {
    if (masks_.empty() || mask_folders_.contains(masks_)) return;
    const auto kinds = kinds_in(test_);
    for (const Path& own : folders_in(masks_)) {
      const std::string name = lower(composed(own.filename().string()));
      const bool known = std::any_of(kinds.begin(), kinds.end(), [&](const Path& kind) {
        return lower(composed(kind.filename().string())) == name;
      });
      const std::size_t count = known || reader_.means_normal(name) ? 0 : images_below(own).size();
      if (count > 0)
        reader_.remark(category_ + ": masks in " + own.lexically_relative(folder_).generic_string() +
                       ", a folder that the test images do not have: " + std::to_string(count));
    }
  }

  void remark_on_unused_masks() {
    remark_on_masks_of_no_kind();
    for (const auto& [folder, masks] : mask_folders_) {
      if (masks.ambiguous() > 0)
        reader_.remark(category_ + ": images with more than one mask in " +
                       folder.lexically_relative(folder_).generic_string() + ": " +
                       std::to_string(masks.ambiguous()) + " (one is read: first " + masks.choice() + ")");
      auto unused = masks.unused();
      std::erase_if(unused, [&](const Path& mask) { return mask_folders_.contains(mask); });
      if (!unused.empty())
        reader_.remark(category_ + ": masks in " + folder.lexically_relative(folder_).generic_string() +
                       " that belong to no image: " + std::to_string(unused.size()));
    }
  }

  LayoutReader& reader_;
  std::string category_;
  Path folder_, train_, test_, masks_;
  std::map<Path, Masks> mask_folders_;
  LeftOut left_out_;
};

/// The last name in a path, also of "." and of "leather/".
std::string folder_name(const Path& folder) {
  std::error_code ignored;
  const Path whole = std::filesystem::weakly_canonical(folder, ignored);
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

/// Adds the class that a folder is; false if it is none.
bool add_if_class(LayoutReader& reader, const Path& folder) {
  const bool deep = is_class(folder), flat = !deep && is_flat_class(reader, folder);
  if (!deep && !flat) return false;
  const std::string category = folder_name(folder);
  if (!reader.wants(category)) return true;
  if (deep)
    ClassReader(reader, category, folder).read();
  else
    read_flat_class(reader, category, folder);
  return true;
}

bool holds_classes(const LayoutReader& reader, const Path& folder) {
  const auto below = folders_in(folder);
  return std::any_of(below.begin(), below.end(),
                     [&](const Path& one) { return is_class(one) || is_flat_class(reader, one); });
}

Error no_class(const Path& root, const std::vector<Path>& deeper) {
  std::string message = root.string() + ": no class found; ";
  if (!deeper.empty()) {
    std::vector<std::string> names;
    for (const Path& folder : deeper) names.push_back(folder.string());
    return data_error(message + "there are classes in " + one_of(names) + "; name one with --data");
  }
  message += "a class is a folder with train/good and test/good, test/DEFECT, or with good and DEFECT";
  if (is_folder(root / "realiad_jsons")) message += "; Real-IAD is read with --dataset real_iad";
  const std::string name = lower(folder_name(root));
  if (name == "train" || name == "test") message += "; name the folder above this one";
  return data_error(message);
}

}  // namespace

void read_class_folders(LayoutReader& reader) {
  const Path root = reader.dataset.root;
  if (add_if_class(reader, root)) return;
  bool any = false;
  for (const Path& folder : folders_in(root)) any |= add_if_class(reader, folder);
  if (any) return;
  std::vector<Path> deeper;
  for (const Path& folder : folders_in(root))
    if (holds_classes(reader, folder)) deeper.push_back(folder);
  if (deeper.size() != 1) throw no_class(root, deeper);
  reader.dataset.root = deeper.front();
  reader.remark("the classes are in " + deeper.front().string() + ", which is read");
  for (const Path& folder : folders_in(deeper.front())) add_if_class(reader, folder);
}

}  // namespace res2clip
