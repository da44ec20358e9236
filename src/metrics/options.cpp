#include "res2clip/metrics/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, MetricOptions& options) {
  fields.field(
      "mode", options.mode,
      "pixel curves: exact (every score a threshold) or released (200 strips, as the published numbers)");
  fields.field("pro_limit", options.pro_limit, {1e-4, 1.0},
               "AUPRO is integrated to this false-positive rate, and divided by it");
}

}  // namespace res2clip
