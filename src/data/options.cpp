#include "res2clip/data/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, DatasetOptions& options) {
  fields.field("layout", options.layout, "how the data set lies on disk");
  fields.field("root", options.root, "folder of the data set; with layout meta also its JSON file");
  fields.field("classes", options.classes, "only these classes; empty: all");
  fields.field("good", options.good, "names of folders that hold normal images, in any case");
  fields.field("skip_broken", options.skip_broken,
               "go on without images that cannot be used, or whose masks cannot");
}

}  // namespace res2clip
