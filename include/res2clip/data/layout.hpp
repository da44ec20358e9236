#pragma once

#include <string>
#include <vector>

#include "res2clip/data/options.hpp"
#include "res2clip/data/sample.hpp"

namespace res2clip {

/// Finds the images of a data set; none is opened.
///
/// Classes, kinds of defects and images are in byte order of their names (meta.json keeps its own order). A
/// mask of an anomalous image is STEM_mask or STEM with an image suffix; a defect without a ground_truth
/// folder has no masks, which counts as all normal. A data set of one class may be named by the folder of the
/// class itself.
///
/// Throws data errors that name the place: no such folder, no class (and what was looked for), a class
/// without test images, a mask or image that is named but absent, a malformed meta.json or CSV file. A class
/// filter that names an unknown class is a settings error.
Dataset load_dataset(const DatasetOptions& options);

/// Reads a meta.json of the authors' format: {"train": {class: [item]}, "test": {class: [item]}}.
/// An item is {"img_path", "mask_path", "cls_name", "specie_name", "anomaly"}, its paths relative to `root`.
/// An anomalous image whose mask path is empty or a folder has no mask.
Dataset read_meta(const Path& file, const Path& root);

/// Writes a data set as meta.json, which read_meta turns into the same samples. Paths stand relative to
/// dataset.root.
void write_meta(const Dataset& dataset, const Path& file);

}  // namespace res2clip
