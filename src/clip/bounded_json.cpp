#include "bounded_json.hpp"

namespace res2clip {
namespace {

struct TooMuch {};

}  // namespace

nlohmann::json parse_bounded(std::string_view text, const JsonLimits& limits) {
  using nlohmann::json;
  std::size_t values = 0;
  const auto count = [&](int depth, json::parse_event_t, json&) {
    if (depth > limits.depth || ++values > limits.values) throw TooMuch();
    return true;
  };
  try {
    return json::parse(text, count, /*allow_exceptions=*/false);
  } catch (const TooMuch&) {
    return json(json::value_t::discarded);
  }
}

}  // namespace res2clip
