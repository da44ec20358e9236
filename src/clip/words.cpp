#include "words.hpp"

#include <algorithm>
#include <array>
#include <utf8proc.h>

#include "html.hpp"

namespace res2clip {
namespace {

enum class Letter { space, letter, digit, other };

constexpr char32_t kDottedCapitalI = 0x0130;
constexpr char32_t kLongS = 0x017f;
// A mark whose capital is a letter, so that to the original's pattern, which ignores case, it is neither: the
// pattern passes over it as over a space.
constexpr char32_t kIotaBelow = 0x0345;
constexpr char32_t kCapitalSigma = 0x03a3;
constexpr char32_t kFinalSigma = 0x03c2;
constexpr char32_t kSigma = 0x03c3;

utf8proc_category_t category_of(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

/// White space as Python's `str.split` and regular expressions see it (\s): besides Unicode's separators, the
/// controls TAB to CR, FS to US, and NEL.
bool is_space(char32_t point) {
  const auto category = category_of(point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP || (point >= 0x09 && point <= 0x0d) ||
         (point >= 0x1c && point <= 0x1f) || point == 0x85;
}

Letter letter_of(char32_t point) {
  if (is_space(point) || point == kIotaBelow) return Letter::space;
  const auto category = category_of(point);
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return Letter::letter;
  if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return Letter::digit;
  return Letter::other;
}

std::u32string decoded(std::string_view text) {
  std::u32string points;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = -1;
    auto length = utf8proc_iterate(bytes, left, &point);
    if (length <= 0) {
      point = 0xfffd;
      length = 1;
    }
    points.push_back(static_cast<char32_t>(point));
    bytes += length;
    left -= length;
  }
  return points;
}

/// Unicode's Case_Ignorable, as utf8proc, which lacks it, lets it be put together: marks, modifiers and
/// format characters, and the punctuation that may stand inside a word.
bool is_case_ignorable(char32_t point) {
  static constexpr std::u32string_view inside_words =
      U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a";
  switch (category_of(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return inside_words.find(point) != std::u32string_view::npos;
  }
}

/// Unicode's Cased, as far as it is not Case_Ignorable: letters with a case, and the ordinal indicators,
/// Roman numerals, circled and squared letters, which have one in spite of their category.
bool is_cased(char32_t point) {
  const auto category = category_of(point);
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LT) return true;
  const auto within = [point](char32_t first, char32_t last) { return point >= first && point <= last; };
  return point == 0xaa || point == 0xba || within(0x2160, 0x217f) || within(0x24b6, 0x24e9) ||
         within(0x1f130, 0x1f149) || within(0x1f150, 0x1f169) || within(0x1f170, 0x1f189);
}

/// Whether the first point that is not Case_Ignorable is a cased letter.
template <typename Iterator>
bool meets_cased(Iterator first, Iterator last) {
  const auto found = std::find_if_not(first, last, is_case_ignorable);
  return found != last && is_cased(*found);
}

/// Whether the sigma at `at` ends a word: a letter before it and none after.
bool is_final_sigma(std::u32string_view text, std::size_t at) {
  const auto before = text.substr(0, at);
  const auto after = text.substr(at + 1);
  return meets_cased(before.rbegin(), before.rend()) && !meets_cased(after.begin(), after.end());
}

/// Python's `str.lower`: utf8proc's, but for the two letters that are lowered by more than themselves.
std::u32string lowered(std::u32string_view text) {
  std::u32string lower;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == kDottedCapitalI)
      lower += U"i\u0307";
    else if (text[at] == kCapitalSigma)
      lower.push_back(is_final_sigma(text, at) ? kFinalSigma : kSigma);
    else
      lower.push_back(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(text[at]))));
  }
  return lower;
}

std::string encoded(std::u32string_view points) {
  std::string text;
  for (const char32_t point : points) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes.data());
    text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
  }
  return text;
}

/// Whether `text` starts with the lower-case `word`. The original's pattern ignores case, and to that the
/// long s is an s; lowering leaves no other such letter.
bool starts_with(std::u32string_view text, std::string_view word) {
  const auto same = [](char letter, char32_t point) {
    return static_cast<char32_t>(letter) == (point == kLongS ? U's' : point);
  };
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), same);
}

/// Length of the special token or contraction that `text` starts with, or 0.
std::size_t fixed_word_length(std::u32string_view text) {
  static constexpr std::array<std::string_view, 9> fixed_words = {
      "<|startoftext|>", "<|endoftext|>", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (const auto word : fixed_words)
    if (starts_with(text, word)) return word.size();
  return 0;
}

/// Length of the word that `text`, which starts with no space, starts with.
std::size_t word_length(std::u32string_view text) {
  if (const auto length = fixed_word_length(text); length > 0) return length;
  const Letter kind = letter_of(text.front());
  if (kind == Letter::digit) return 1;
  const auto differs = [kind](char32_t point) { return letter_of(point) != kind; };
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), differs) - text.begin());
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  // Twice, as the original does, for text that was escaped once too much.
  const std::u32string plain = lowered(unescape_html(unescape_html(decoded(text))));
  std::vector<std::string> words;
  for (std::u32string_view left = plain; !left.empty();) {
    if (letter_of(left.front()) == Letter::space) {
      left.remove_prefix(1);
      continue;
    }
    const auto length = word_length(left);
    words.push_back(encoded(left.substr(0, length)));
    left.remove_prefix(length);
  }
  return words;
}

}  // namespace res2clip
