#include "res2clip/features/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, StoreOptions& options) {
  fields.field("numbers", options.numbers, "how features lie in a feature store");
}

}  // namespace res2clip
