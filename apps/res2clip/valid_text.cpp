#include "valid_text.hpp"

#include <nlohmann/json.hpp>

#include "res2clip/core/json_text.hpp"

namespace res2clip::app {

std::string valid_text(const std::string& text) {
  return nlohmann::json::parse(json_text(nlohmann::json(text))).get<std::string>();
}

}  // namespace res2clip::app
