#pragma once

#include <string>
#include <vector>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How a data set lies on disk. All layouts of folders are read by one reader, which finds out which it is;
/// their names say which data set it is meant to be.
enum class Layout {
  mvtec,  ///< CLASS/train/good, CLASS/test/good, CLASS/test/DEFECT, CLASS/ground_truth/DEFECT/STEM_mask.png
  visa,   ///< CLASS/Data/Images/{Normal,Anomaly} with split_csv/1cls.csv, or converted to mvtec's folders
  btad,   ///< CLASS/train/ok, CLASS/test/{ok,ko}, CLASS/ground_truth/ko/STEM.{png,bmp}
  mpdd,   ///< mvtec's folders
  dtd,    ///< DTD-Synthetic: mvtec's folders
  loco,   ///< MVTec LOCO: CLASS/ground_truth/KIND/STEM/*.png, several masks of one image
  mvtec_ad2,  ///< MVTec AD 2: CLASS/test_public/{good,bad,ground_truth/bad}
  real_iad,   ///< Real-IAD: realiad_jsons/CLASS.json lists the images
  anomalib,   ///< CLASS/{normal,abnormal,mask} without train and test; any kinds of defects beside normal
  folder,     ///< any of these folders with any class names
  meta,       ///< what meta.json at the data root says, or the JSON file that is named as the root
};

template <>
struct EnumNames<Layout> {
  static constexpr std::pair<Layout, std::string_view> values[] = {
      {Layout::mvtec, "mvtec"},         {Layout::visa, "visa"},         {Layout::btad, "btad"},
      {Layout::mpdd, "mpdd"},           {Layout::dtd, "dtd"},           {Layout::loco, "loco"},
      {Layout::mvtec_ad2, "mvtec_ad2"}, {Layout::real_iad, "real_iad"}, {Layout::anomalib, "anomalib"},
      {Layout::folder, "folder"},       {Layout::meta, "meta"}};
};

/// Which data set.
struct DatasetOptions {
  Layout layout = Layout::mvtec;
  std::string root;                  ///< folder of the classes, or of one single class; meta: or a JSON file
  std::vector<std::string> classes;  ///< only these; empty: all
  std::vector<std::string> good{"good", "ok", "normal"};  ///< folders of normal images, in any case
  bool skip_broken = false;  ///< leave out images that cannot be used instead of refusing the data set
};
void describe(Fields& fields, DatasetOptions& options);

}  // namespace res2clip
