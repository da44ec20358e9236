#pragma once

#include <string>
#include <vector>

#include "res2clip/settings/settings.hpp"

namespace res2clip {

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

struct PromptSet {
  std::vector<std::string> normal;     ///< states x 15 templates, state by state
  std::vector<std::string> anomalous;  ///< likewise, the forms after the noun last
};

/// The prompts of the method (Eqs. 30 and 31): 75 normal and 30 anomalous ones by default.
/// Throws a settings error where either set would be empty.
PromptSet method_prompts(const PromptOptions& options);

}  // namespace res2clip
