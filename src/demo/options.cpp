#include "res2clip/demo/options.hpp"

#include <limits>

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, DemoOptions& options) {
  fields.field("size", options.size, {32, 4096}, "side of the images in pixels");
  fields.field("seed", options.seed, {0, std::numeric_limits<std::int64_t>::max()},
               "another seed, other things");
  fields.field("classes", options.classes,
               "families, with _1, _2, ... for more classes of one; empty: each family once");
  fields.field("defects", options.defects, "kinds of defects to choose from; empty: all");
  fields.field("kinds", options.kinds, {1, 100}, "kinds of defects per class");
  fields.field("train", options.train, {0, 100000}, "images in train/good of each class");
  fields.field("good", options.good, {0, 100000}, "images in test/good of each class");
  fields.field("defective", options.defective, {0, 100000}, "images of each kind of defect of each class");
}

}  // namespace res2clip
