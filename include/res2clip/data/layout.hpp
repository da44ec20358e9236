#pragma once

#include "res2clip/data/options.hpp"
#include "res2clip/data/sample.hpp"

namespace res2clip {

/// Which lists of a meta.json are read: what a run does not need may be missing or wrong.
enum class Splits { all, test };

/// Finds the images of a data set; none is opened. Of classes that are not asked for nothing is looked at.
///
/// Classes, kinds of defects and images are in byte order of their names (meta.json keeps its own order). The
/// names train, test, ground_truth and those of normal folders are taken in any case. Folders below a kind
/// belong to it. A mask of an anomalous image has its stem, or that and `_mask` (`_Mask`, `-mask`, `_label`,
/// `_gt`), with an image suffix; names may be composed otherwise (NFC, NFD). A defect without a folder of
/// masks has none, which counts as all normal. A data set of one class may be named by the folder of the
/// class itself, and one whose classes are in a folder below the root by the root. A class without train and
/// test has every fifth normal image as a test image, unless there is a folder normal_test.
///
/// `remarks` of the result tell what was passed over, and what may be wrong with the labels.
///
/// Throws data errors that name the place: no such folder, no class (and what was looked for), a class
/// without test images, a mask or test image that is named but absent (or, with `skip_broken`, leaves the
/// image out), a malformed list. Training images may be absent until they are references. A class filter that
/// names an unknown class is a settings error.
Dataset load_dataset(const DatasetOptions& options, Splits splits = Splits::all);

/// Reads a meta.json of the authors' format: {"train": {class: [item]}, "test": {class: [item]}}, an item
/// being {"img_path", "mask_path", "cls_name", "specie_name", "anomaly"} with paths relative to `root`.
/// "train", "mask_path", "cls_name" and "specie_name" may be missing. An anomalous image whose mask path is
/// missing, null, empty or a folder has no mask. The classes are those of "test".
Dataset read_meta(const Path& file, const Path& root);

/// Throws a data error that names a training image that is not there, or, with `skip_broken`, takes all such
/// out of the data set and lists them in its `left_out`.
void require_training_images(Dataset& dataset, bool skip_broken);

/// Writes a data set as meta.json, which read_meta turns into the same samples. Paths stand relative to
/// dataset.root. Throws a data error for an image with several masks, and for names that are not UTF-8; a
/// settings error if the file is there and says something else.
void write_meta(const Dataset& dataset, const Path& file);

}  // namespace res2clip
