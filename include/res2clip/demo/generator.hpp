#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/demo/options.hpp"

namespace res2clip {

/// A family of surfaces or objects that classes can be made of.
struct DemoFamily {
  std::string name;
  std::vector<std::string> words;  ///< what people call it
  bool is_object = false;
  bool held_out = false;  ///< never used in training the demo backbone: for its evaluation
};
std::vector<DemoFamily> demo_families();

struct DemoDefect {
  std::string name;
  bool held_out = false;
};
std::vector<DemoDefect> demo_defects();

/// What the demo data are, as JSON text: the families and the kinds of defects.
std::string demo_listing();

struct DemoImage {
  int size = 0;
  std::vector<std::uint8_t> rgb;   ///< [size, size, 3]
  std::vector<std::uint8_t> mask;  ///< [size, size], 255 on the defect, 0 elsewhere; empty without a defect
};

/// One image, the same on every machine. `specimen` names it among its class and seed; `defect` is a kind's
/// name or empty. Throws a settings error for an unknown class or kind.
DemoImage demo_image(const std::string& class_name, std::int64_t seed, const std::string& specimen,
                     const std::string& defect, int size);

struct DemoCounts {
  std::int64_t classes = 0, images = 0, masks = 0;
};

/// Writes the images as a data set in MVTec AD's layout: ROOT/CLASS/train/good/000.png, test/good,
/// test/KIND, ground_truth/KIND/000_mask.png. ROOT/demo.json says how they were made. The images depend on
/// the options alone, not on the machine or the number of threads. Throws a settings error where the options
/// contradict each other or ROOT holds anything but the same demo data.
DemoCounts write_demo_data(const Path& root, const DemoOptions& options,
                           const ProgressCallback& progress = {});

}  // namespace res2clip
