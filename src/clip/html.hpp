#pragma once

#include <string>
#include <string_view>

namespace res2clip {

/// HTML's character references ("&amp;", "&#38;", "&#x26;") as the characters they stand for, exactly as
/// Python 3.11's `html.unescape`: by HTML 5's rules, those for broken references included ("&amp" and "&ampx"
/// need no semicolon, "&#146;" means Windows-1252). What is not a reference stays as it is. One round:
/// "&amp;lt;" becomes "&lt;".
std::u32string unescape_html(std::u32string_view text);

}  // namespace res2clip
