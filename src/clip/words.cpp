#include "words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utf8proc.h>

namespace res2clip {
namespace {

enum class Letter { space, letter, digit, other };

/// White space as Python's `str.split` and regular expressions see it (\s): besides Unicode's separators, the
/// controls TAB to CR, FS to US, and NEL.
bool is_space(std::int32_t point) {
  const auto category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP || (point >= 0x09 && point <= 0x0d) ||
         (point >= 0x1c && point <= 0x1f) || point == 0x85;
}

Letter letter_of(std::int32_t point) {
  if (is_space(point)) return Letter::space;
  const auto category = utf8proc_category(point);
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return Letter::letter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return Letter::digit;
  return Letter::other;
}

std::vector<std::int32_t> lowered(std::string_view text) {
  std::vector<std::int32_t> points;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = -1;
    auto length = utf8proc_iterate(bytes, left, &point);
    if (length <= 0) {
      point = 0xfffd;
      length = 1;
    }
    points.push_back(utf8proc_tolower(point));
    bytes += length;
    left -= length;
  }
  return points;
}

std::string encoded(const std::int32_t* first, const std::int32_t* last) {
  std::string text;
  for (; first != last; ++first) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto length = utf8proc_encode_char(*first, bytes.data());
    text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
  }
  return text;
}

/// Length of a contraction that starts at the apostrophe `first`, or 0.
std::size_t contraction_length(const std::int32_t* first, const std::int32_t* last) {
  static constexpr std::array<std::string_view, 7> endings = {"s", "t", "re", "ve", "m", "ll", "d"};
  if (*first != '\'') return 0;
  const auto left = static_cast<std::size_t>(last - first - 1);
  for (const auto ending : endings)
    if (ending.size() <= left && std::equal(ending.begin(), ending.end(), first + 1))
      return ending.size() + 1;
  return 0;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  static constexpr std::array<std::string_view, 2> special = {"<|startoftext|>", "<|endoftext|>"};
  const std::vector<std::int32_t> points = lowered(text);
  const std::int32_t* const last = points.data() + points.size();
  std::vector<std::string> words;
  for (const std::int32_t* first = points.data(); first != last;) {
    const Letter kind = letter_of(*first);
    if (kind == Letter::space) {
      ++first;
      continue;
    }
    const std::int32_t* end = first + 1;
    const auto starts = [&](std::string_view word) {
      return static_cast<std::size_t>(last - first) >= word.size() &&
             std::equal(word.begin(), word.end(), first);
    };
    if (const auto word = std::find_if(special.begin(), special.end(), starts); word != special.end())
      end = first + word->size();
    else if (const auto length = contraction_length(first, last); length > 0)
      end = first + length;
    else if (kind != Letter::digit)
      while (end != last && letter_of(*end) == kind) ++end;
    words.push_back(encoded(first, end));
    first = end;
  }
  return words;
}

}  // namespace res2clip
