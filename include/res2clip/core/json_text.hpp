#pragma once

#include <string>

namespace res2clip {

/// The text of an nlohmann::json value. Paths and names may hold bytes that are not UTF-8, which JSON cannot
/// hold: they become U+FFFD. `indent` -1: all in one line.
template <class Json>
std::string json_text(const Json& value, int indent = -1) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace res2clip
