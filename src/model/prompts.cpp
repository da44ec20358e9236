#include "res2clip/model/prompts.hpp"

#include <string_view>

namespace res2clip {
namespace {

constexpr std::string_view kBlank = "{}";

std::string filled(const std::string& prompt, const std::string& phrase) {
  const auto place = prompt.find(kBlank);
  if (place == std::string::npos || prompt.find(kBlank, place + 1) != std::string::npos)
    throw settings_error("text.prompts.templates has '" + prompt + "'; each template must contain {} once");
  return std::string(prompt).replace(place, kBlank.size(), phrase);
}

void append(const std::vector<std::string>& templates, const std::string& phrase,
            std::vector<std::string>& prompts) {
  for (const auto& prompt : templates) prompts.push_back(filled(prompt, phrase));
}

}  // namespace

void describe(Fields& fields, PromptOptions& options) {
  fields.field("noun", options.noun, "what every image shows");
  fields.field("normal_states", options.normal_states, "words before the noun of a normal image");
  fields.field("anomalous_states", options.anomalous_states, "words before the noun of an anomalous image");
  fields.field("state_after_noun", options.state_after_noun,
               "also 'object with damaged' for each anomalous state");
  fields.field("templates", options.templates, "sentences around noun and state, {} in their place");
}

Prompts make_prompts(const PromptOptions& options) {
  Prompts prompts;
  for (const auto& state : options.normal_states)
    append(options.templates, state + " " + options.noun, prompts.normal);
  for (const auto& state : options.anomalous_states) {
    append(options.templates, state + " " + options.noun, prompts.anomalous);
    if (options.state_after_noun)
      append(options.templates, options.noun + " with " + state, prompts.anomalous);
  }
  return prompts;
}

}  // namespace res2clip
