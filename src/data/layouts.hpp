#pragma once

#include <string>

#include "res2clip/data/sample.hpp"

namespace res2clip {

/// mvtec's folders, btad's included (ok is a name for good, masks may lack "_mask").
Dataset load_class_folders(const Path& root);

/// VisA as published: split_csv/1cls.csv says which image is for what.
Dataset load_visa(const Path& root);

/// A sample of `root` from its path below it.
Sample make_sample(const Path& root, const Path& below, const std::string& category,
                   const std::string& defect, bool anomalous);

}  // namespace res2clip
