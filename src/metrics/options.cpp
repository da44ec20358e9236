#include "res2clip/metrics/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, MetricOptions& options) {
  fields.field(
      "mode", options.mode,
      "pixel curves: exact (every score a threshold) or released (200 strips, as the published numbers)");
}

}  // namespace res2clip
