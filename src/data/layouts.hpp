#pragma once

#include <string>
#include <vector>

#include "res2clip/data/layout.hpp"
#include "res2clip/data/sample.hpp"

namespace res2clip {

/// What a layout is read with. It fills `dataset`, whose root is set, and looks only into classes that are
/// wanted.
class LayoutReader {
 public:
  LayoutReader(Dataset& into, const DatasetOptions& options) : dataset(into), options_(options) {}

  /// Whether a class that the data set has is asked for.
  bool wants(const std::string& category);
  const std::vector<std::string>& classes_seen() const { return seen_; }
  /// Whether a folder of this name holds normal images.
  bool means_normal(const std::string& folder) const;
  /// Adds a class, once.
  void add_class(const std::string& category);
  /// Adds a training or test image. If a file of a test image is not there, throws a data error that begins
  /// with `where` (a place in a list; empty: none), or leaves the image out if the options say so. Training
  /// images may be missing until they are references.
  void add(Sample sample, bool test, const std::string& where = {});
  /// Throws a data error, or leaves the image out if the options say so.
  void leave_out(const std::string& what_is_wrong);
  void remark(const std::string& text) { dataset.remarks.push_back(text); }

  Dataset& dataset;

 private:
  const DatasetOptions& options_;
  std::vector<std::string> seen_;
};

/// Folders of MVTec AD and of the data sets that follow it (BTAD, MPDD, DTD-Synthetic, MVTec LOCO, MVTec AD
/// 2), and folders of one kind each without train and test. If the classes are one folder deeper, moves the
/// root there.
void read_class_folders(LayoutReader& reader);
/// A class without train and test: normal images and defects in folders beside each other.
bool is_flat_class(const LayoutReader& reader, const Path& folder);
void read_flat_class(LayoutReader& reader, const std::string& category, const Path& folder);

/// The name of a defect whose images lie in `folder`, at or below the folder of its kind: "bad",
/// "bad/scratch".
std::string defect_name(const Path& kind, const Path& folder);

/// VisA as published: split_csv/1cls.csv says which image is for what.
void read_visa(LayoutReader& reader);
/// Real-IAD: a JSON list per class in realiad_jsons.
void read_real_iad(LayoutReader& reader);
/// The file of the authors' format.
void read_meta(LayoutReader& reader, const Path& file, Splits splits);

}  // namespace res2clip
