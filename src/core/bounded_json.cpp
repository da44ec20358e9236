#include "res2clip/core/bounded_json.hpp"

namespace res2clip {
namespace {

struct TooMuch {};

}  // namespace

template <class Json>
Json parse_bounded(std::string_view text, const JsonLimits& limits) {
  std::size_t values = 0;
  const auto count = [&](int depth, typename Json::parse_event_t, Json&) {
    if (depth > limits.depth || ++values > limits.values) throw TooMuch();
    return true;
  };
  try {
    return Json::parse(text, count, /*allow_exceptions=*/false);
  } catch (const TooMuch&) {
    return Json(Json::value_t::discarded);
  }
}

template nlohmann::json parse_bounded(std::string_view, const JsonLimits&);
template nlohmann::ordered_json parse_bounded(std::string_view, const JsonLimits&);

}  // namespace res2clip
