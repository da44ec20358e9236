#include "res2clip/retrieval/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, MatchOptions& options) {
  fields.field("weighting", options.weighting, "how similarities become weights over the references");
  fields.field("penalty", options.penalty, "spatial penalty subtracted from the similarity");
  fields.field("gamma", options.gamma, {0.0, 1000.0}, "weight of the penalty");
  fields.field("neighbours", options.neighbours, {1, 1000000}, "references that top_k chooses");
  fields.field("temperature", options.temperature, {1e-6, 1e6}, "softmax temperature of top_k");
  fields.field("pooled_similarity", options.pooled_similarity, "compare 3x3 neighbourhoods of patches too");
}

}  // namespace res2clip
