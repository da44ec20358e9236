#include "text.hpp"

#include <array>
#include <cstdio>

namespace res2clip {

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string in_percent(const std::optional<double>& value) {
  return value ? fixed(*value * 100.0, 1) : "–";
}

std::string difference_text(const std::optional<double>& value, const std::optional<PublishedFigure>& paper) {
  if (!value || !paper) return {};
  const double apart = *value * 100.0 - paper->mean;
  return (apart < 0 ? "" : "+") + fixed(apart, 1) + (paper->is_beyond(apart) ? "*" : "");
}

}  // namespace res2clip
