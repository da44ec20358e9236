#include "res2clip/clip/prompts.hpp"

#include <array>
#include <string_view>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// App. B.4; {} takes the phrase.
constexpr std::array<std::string_view, 15> kTemplates = {"a photo of a {}.",
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

void add_phrase(std::vector<std::string>& prompts, const std::string& phrase) {
  for (const auto pattern : kTemplates) {
    std::string prompt(pattern);
    prompts.push_back(prompt.replace(prompt.find("{}"), 2, phrase));
  }
}

}  // namespace

PromptSet method_prompts(const PromptOptions& options) {
  if (options.normal_states.empty())
    throw settings_error("prompts.normal_states is empty; name at least one state");
  if (options.anomalous_states.empty())
    throw settings_error("prompts.anomalous_states is empty; name at least one state");
  PromptSet set;
  for (const auto& state : options.normal_states) add_phrase(set.normal, state + " " + options.noun);
  for (const auto& state : options.anomalous_states) add_phrase(set.anomalous, state + " " + options.noun);
  if (options.anomalous_after_noun)
    for (const auto& state : options.anomalous_states)
      add_phrase(set.anomalous, options.noun + " with " + state);
  return set;
}

}  // namespace res2clip
