#include "res2clip/clip/options.hpp"

#include "res2clip/settings/settings.hpp"

namespace res2clip {

void describe(Fields& fields, EncoderForm& form) {
  fields.field("vv_blocks", form.vv_blocks, {-1, 1000},
               "how many of the last blocks have V-V attention; -1: 19 of 24, other depths alike");
  fields.field("global_ln_post", form.global_ln_post, "global feature through ln_post before the projection");
  fields.field("patch_ln_post", form.patch_ln_post, "patch features through ln_post");
  fields.field("patch_projection", form.patch_projection, "patch features projected to the embedding");
}

void describe(Fields& fields, PromptOptions& options) {
  fields.field("noun", options.noun, "what the prompts call the part");
  fields.field("normal_states", options.normal_states, "states of a good part, before the noun");
  fields.field("anomalous_states", options.anomalous_states, "states of a defective part");
  fields.field("anomalous_after_noun", options.anomalous_after_noun,
               "also 'NOUN with STATE' for defective parts (the authors' code)");
}

}  // namespace res2clip
