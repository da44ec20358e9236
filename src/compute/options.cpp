#include "res2clip/compute/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, ComputeOptions& options) {
  fields.field("device", options.device, "auto, cpu, cuda or cuda:N");
  fields.field("precision", options.precision, "arithmetic of matrix products");
  fields.field("threads", options.threads, {0, 4096},
               "CPU threads; 0: what OMP_NUM_THREADS says, else all cores");
  fields.field("batch_size", options.batch_size, {1, 4096}, "images encoded at once");
}

}  // namespace res2clip
