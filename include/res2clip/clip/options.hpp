#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "res2clip/settings/enum_names.hpp"

namespace res2clip {

/// How an archive's image tower computes features: fixed when the archive is written. The defaults are the
/// authors' code.
struct EncoderForm {
  /// How many of the last blocks have V-V attention; -1: ceil(19/24 * depth). The paper's text says 20 of 24.
  std::int64_t vv_blocks = -1;
  bool global_ln_post = false;   ///< global feature through ln_post before the projection
  bool patch_ln_post = true;     ///< patch features through ln_post
  bool patch_projection = true;  ///< patch features projected to the embedding
};

void describe(Fields& fields, EncoderForm& form);

/// What the prompts speak of (App. B).
struct PromptOptions {
  std::string noun = "object";
  /// Before the noun; the empty one is the plain noun.
  std::vector<std::string> normal_states = {"", "perfect", "flawless", "clean", "undamaged"};
  std::vector<std::string> anomalous_states = {"damaged"};
  /// Also "object with damaged" beside "damaged object" (the authors' code; not in the paper).
  bool anomalous_after_noun = true;
};
void describe(Fields& fields, PromptOptions& options);

}  // namespace res2clip
