#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

namespace res2clip {

/// What a JSON text of a stranger may hold.
struct JsonLimits {
  int depth = 16;
  std::size_t values = 100'000;
};

/// The value of a JSON text; discarded (`is_discarded()`) if it is none, or holds more than the limits.
nlohmann::json parse_bounded(std::string_view text, const JsonLimits& limits = {});

}  // namespace res2clip
