#pragma once

#include <string>
#include <vector>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How a data set lies on disk.
enum class Layout {
  mvtec,   ///< CLASS/train/good, CLASS/test/good, CLASS/test/DEFECT, CLASS/ground_truth/DEFECT/STEM_mask.png
  visa,    ///< CLASS/Data/Images/{Normal,Anomaly} with split_csv/1cls.csv, or converted to mvtec's folders
  btad,    ///< CLASS/train/ok, CLASS/test/{ok,ko}, CLASS/ground_truth/ko/STEM.{png,bmp}
  mpdd,    ///< mvtec's folders
  dtd,     ///< DTD-Synthetic: mvtec's folders
  folder,  ///< mvtec's folders with any class names; good and ok are the names of normal images
  meta,    ///< what meta.json at the data root says
};

template <>
struct EnumNames<Layout> {
  static constexpr std::pair<Layout, std::string_view> values[] = {
      {Layout::mvtec, "mvtec"}, {Layout::visa, "visa"},     {Layout::btad, "btad"}, {Layout::mpdd, "mpdd"},
      {Layout::dtd, "dtd"},     {Layout::folder, "folder"}, {Layout::meta, "meta"}};
};

/// Which data set.
struct DatasetOptions {
  Layout layout = Layout::mvtec;
  std::string root;                  ///< folder of the classes, or of one single class
  std::vector<std::string> classes;  ///< only these; empty: all
};
void describe(Fields& fields, DatasetOptions& options);

}  // namespace res2clip
