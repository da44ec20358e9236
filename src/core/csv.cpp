#include "res2clip/core/csv.hpp"

#include <array>
#include <charconv>

#include "res2clip/core/terminal_text.hpp"

namespace res2clip {
namespace {

template <class Number>
std::string shortest(Number value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

std::string csv_cell(std::string_view raw) {
  // As text: spreadsheets take cells that begin like this for formulas.
  const bool formula =
      !raw.empty() && std::string_view("=+-@\t\r").find(raw.front()) != std::string_view::npos;
  const std::string text = (formula ? "'" : "") + terminal_text(raw, LineBreaks::kept);
  const bool plain = text.find_first_of(",\"\r\n") == std::string::npos &&
                     (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (plain) return text;
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
