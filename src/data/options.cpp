#include "res2clip/data/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, DatasetOptions& options) {
  fields.field("layout", options.layout, "how the data set lies on disk");
  fields.field("root", options.root, "folder of the data set");
  fields.field("classes", options.classes, "only these classes; empty: all");
}

}  // namespace res2clip
