#include "res2clip/core/terminal_text.hpp"

#include <array>
#include <utf8proc.h>

namespace res2clip {
namespace {

bool turns_direction(utf8proc_int32_t letter) {
  switch (utf8proc_get_property(letter)->bidi_class) {
    case UTF8PROC_BIDI_CLASS_LRE:
    case UTF8PROC_BIDI_CLASS_LRO:
    case UTF8PROC_BIDI_CLASS_RLE:
    case UTF8PROC_BIDI_CLASS_RLO:
    case UTF8PROC_BIDI_CLASS_PDF:
    case UTF8PROC_BIDI_CLASS_LRI:
    case UTF8PROC_BIDI_CLASS_RLI:
    case UTF8PROC_BIDI_CLASS_FSI:
    case UTF8PROC_BIDI_CLASS_PDI:
      return true;
    default:
      return false;
  }
}

bool may_be_printed(utf8proc_int32_t letter, LineBreaks breaks) {
  if (letter == '\n' || letter == '\r' || letter == '\t') return breaks == LineBreaks::kept;
  switch (utf8proc_category(letter)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return !turns_direction(letter);
  }
}

std::string shown(std::string_view bytes) {
  constexpr std::array kDigits{'0', '1', '2', '3', '4', '5', '6', '7',
                               '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  std::string text;
  for (const char letter : bytes) {
    const auto byte = static_cast<unsigned char>(letter);
    text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

}  // namespace

std::string terminal_text(std::string_view text, LineBreaks breaks) {
  std::string out;
  while (!text.empty()) {
    utf8proc_int32_t letter = -1;
    const auto found = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                        static_cast<utf8proc_ssize_t>(text.size()), &letter);
    const bool valid = found > 0;
    const std::string_view bytes = text.substr(0, valid ? static_cast<std::size_t>(found) : 1);
    out += valid && may_be_printed(letter, breaks) ? std::string(bytes) : shown(bytes);
    text.remove_prefix(bytes.size());
  }
  return out;
}

}  // namespace res2clip
