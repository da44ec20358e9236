#include "res2clip/core/csv.hpp"

#include <array>
#include <charconv>

namespace res2clip {
namespace {

template <class Number>
std::string shortest(Number value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

std::string csv_cell(std::string_view text) {
  const bool plain = text.find_first_of(",\"\r\n") == std::string_view::npos &&
                     (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (plain) return std::string(text);
  std::string cell = "\"";
  for (const char letter : text) {
    if (letter == '"') cell += '"';
    cell += letter;
  }
  return cell + '"';
}

std::string csv_cell(double value) {
  return shortest(value);
}
std::string csv_cell(float value) {
  return shortest(value);
}

}  // namespace res2clip
