#pragma once

#include <string>
#include <vector>

#include "res2clip/clip/options.hpp"

namespace res2clip {

struct PromptSet {
  std::vector<std::string> normal;     ///< states x 15 templates, state by state
  std::vector<std::string> anomalous;  ///< likewise, the forms after the noun last
};

/// The prompts of the method (Eqs. 30 and 31): 75 normal and 30 anomalous ones by default.
/// Throws a settings error where either set would be empty.
PromptSet method_prompts(const PromptOptions& options);

}  // namespace res2clip
