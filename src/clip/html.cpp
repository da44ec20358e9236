#include "html.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

namespace res2clip {
namespace {

struct Entity {
  std::string_view name;
  char32_t first;
  char32_t second = 0;
};

constexpr Entity kEntities[] = {
#include "html_entities.inc"
};

constexpr bool by_name(const Entity& left, const Entity& right) {
  return left.name < right.name;
}
static_assert(std::is_sorted(std::begin(kEntities), std::end(kEntities), by_name), "searched by halves");

/// No entity's name is longer, its semicolon included; more of a text need not be looked at.
constexpr std::size_t kLongestName = 32;
static_assert(std::all_of(std::begin(kEntities), std::end(kEntities),
                          [](const Entity& entity) { return entity.name.size() <= kLongestName; }));

constexpr char32_t kReplacement = 0xfffd;
constexpr char32_t kBeyondUnicode = 0x110000;

/// What a reference stands for, and how much of the text after its '&' it takes up.
struct Reference {
  std::u32string text;
  std::size_t length;
};

bool is_digit(char32_t point) {
  return point >= '0' && point <= '9';
}

bool is_ascii_letter(char32_t point) {
  return (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z');
}

/// Value of a digit, or 16 where it is none.
unsigned digit_value(char32_t point) {
  if (is_digit(point)) return point - '0';
  if (point >= 'a' && point <= 'f') return point - 'a' + 10;
  if (point >= 'A' && point <= 'F') return point - 'A' + 10;
  return 16;
}

/// Points that HTML forbids to refer to and Python drops: controls that are no white space, and those that
/// Unicode will never assign.
bool is_dropped(char32_t point) {
  return (point >= 0x01 && point <= 0x08) || point == 0x0b || (point >= 0x0e && point <= 0x1f) ||
         point == 0x7f || (point >= 0xfdd0 && point <= 0xfdef) || (point & 0xfffe) == 0xfffe;
}

std::u32string numbered(char32_t number) {
  // The web's pages wrote Windows-1252's numbers for these; the five that it lacks stay controls.
  static constexpr std::array<char32_t, 32> windows_1252 = {
      0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
      0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178};
  if (number >= 0x80 && number <= 0x9f) return {windows_1252[number - 0x80]};
  const bool surrogate = number >= 0xd800 && number <= 0xdfff;
  if (number == 0 || surrogate || number >= kBeyondUnicode) return {kReplacement};
  if (is_dropped(number)) return {};
  return {number};
}

/// A reference by number, from its '#' on.
std::optional<Reference> numeric_reference(std::u32string_view text) {
  const bool hexadecimal = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const unsigned base = hexadecimal ? 16 : 10;
  const std::size_t start = hexadecimal ? 2 : 1;
  std::size_t at = start;
  char32_t number = 0;
  // Held at the first number too large, lest it overflow.
  for (; at < text.size() && digit_value(text[at]) < base; ++at)
    number = std::min<char32_t>(number * base + digit_value(text[at]), kBeyondUnicode);
  if (at == start) return std::nullopt;
  if (at < text.size() && text[at] == ';') ++at;
  return Reference{numbered(number), at};
}

/// The letters and digits that `text` starts with, and a semicolon right after them.
std::string possible_name(std::u32string_view text) {
  std::string name;
  for (const char32_t point : text.substr(0, kLongestName)) {
    if (!is_ascii_letter(point) && !is_digit(point) && point != ';') break;
    name.push_back(static_cast<char>(point));
    if (point == ';') break;
  }
  return name;
}

const Entity* find_entity(std::string_view name) {
  const auto* found = std::lower_bound(std::begin(kEntities), std::end(kEntities), Entity{name, 0}, by_name);
  return found != std::end(kEntities) && found->name == name ? found : nullptr;
}

/// A reference by name: the longest name that `text` starts with.
std::optional<Reference> named_reference(std::u32string_view text) {
  for (std::string name = possible_name(text); !name.empty(); name.pop_back()) {
    const Entity* entity = find_entity(name);
    if (!entity) continue;
    Reference reference{{entity->first}, name.size()};
    if (entity->second) reference.text.push_back(entity->second);
    return reference;
  }
  return std::nullopt;
}

std::optional<Reference> reference_of(std::u32string_view text) {
  return text.starts_with(U'#') ? numeric_reference(text) : named_reference(text);
}

}  // namespace

std::u32string unescape_html(std::u32string_view text) {
  std::u32string plain;
  while (!text.empty()) {
    const char32_t point = text.front();
    text.remove_prefix(1);
    const auto reference = point == '&' ? reference_of(text) : std::nullopt;
    if (reference) {
      plain += reference->text;
      text.remove_prefix(reference->length);
    } else {
      plain.push_back(point);
    }
  }
  return plain;
}

}  // namespace res2clip
