#pragma once

#include <string>
#include <vector>

#include "res2clip/core/settings.hpp"

namespace res2clip {

/// What the prompts say (App. B). Every state, joined with the noun, stands in every template.
struct PromptOptions {
  std::string noun = "object";
  std::vector<std::string> normal_states = {"", "perfect", "flawless", "clean", "undamaged"};
  std::vector<std::string> anomalous_states = {"damaged"};
  bool state_after_noun =
      true;  ///< also "object with damaged" beside "damaged object" (paper: only the latter)
  std::vector<std::string> templates = {"a photo of a {}.",
                                        "a photo of the {}.",
                                        "a cropped photo of a {}.",
                                        "a cropped photo of the {}.",
                                        "a close-up photo of a {}.",
                                        "a close-up photo of the {}.",
                                        "the {} in the image.",
                                        "the {} in the scene.",
                                        "an image of a {}.",
                                        "an image of the {}.",
                                        "a rendering of a {}.",
                                        "a photo of one {}.",
                                        "showing the {}.",
                                        "showing a {}.",
                                        "itap of a {}."};
};
void describe(Fields& fields, PromptOptions& options);

struct Prompts {
  std::vector<std::string> normal;
  std::vector<std::string> anomalous;
};

/// The prompts, template after template for each state (Eqs. 30 and 31). The empty state leaves a space
/// before the noun, which the tokenizer drops. Throws a settings error for a template without exactly one {}.
Prompts make_prompts(const PromptOptions& options);

}  // namespace res2clip
