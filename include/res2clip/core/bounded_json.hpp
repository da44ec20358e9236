#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

namespace res2clip {

/// What a JSON text of a stranger may hold: deeper or longer ones exhaust stack or memory.
struct JsonLimits {
  int depth = 16;
  std::size_t values = 100'000;
};

/// The value of a JSON text; discarded (`is_discarded()`) if it is none, or holds more than the limits.
/// `Json`: nlohmann::json or nlohmann::ordered_json.
template <class Json = nlohmann::json>
Json parse_bounded(std::string_view text, const JsonLimits& limits = {});

extern template nlohmann::json parse_bounded(std::string_view, const JsonLimits&);
extern template nlohmann::ordered_json parse_bounded(std::string_view, const JsonLimits&);

}  // namespace res2clip
