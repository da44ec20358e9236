#pragma once

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "res2clip/settings/settings.hpp"

namespace res2clip {

template <class Number>
std::string text_of_number(Number value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

/// Finite and in the range.
template <class Number>
bool is_in(Range<Number> range, Number value) {
  return std::isfinite(static_cast<double>(value)) && value >= range.low && value <= range.high;
}

/// "at least 0", "between 1 and 4096": for messages.
template <class Number>
std::string text_of_range(Range<Number> range) {
  const bool open = range.high == std::numeric_limits<Number>::max();
  return open ? "at least " + text_of_number(range.low)
              : "between " + text_of_number(range.low) + " and " + text_of_number(range.high);
}

/// An enum's value must be one of those that have names.
inline void require_named(const std::string& key, std::size_t index,
                          const std::vector<std::string_view>& names) {
  if (index >= names.size())
    throw settings_error(key + " is a number without a name; it must be " + one_of(names));
}

}  // namespace res2clip
