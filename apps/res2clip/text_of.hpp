#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace res2clip::app {

/// A line as snprintf makes it, of at most 159 bytes.
template <class... Values>
std::string text_of(const char* format, Values... values) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

}  // namespace res2clip::app
