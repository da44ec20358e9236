#pragma once

#include <string>
#include <string_view>

namespace res2clip {

/// A text with U+FFFD in place of bytes that are not UTF-8, as JSON holds it.
std::string valid_text(std::string_view text);

/// A text between tags or in an attribute of HTML, SVG and XML: markup escaped, and as valid_text().
std::string html_text(std::string_view text);

/// A file as an address that a page holds in itself ("data:image/png;base64,..."); `type`: its media type.
std::string data_address(const std::string& type, std::string_view bytes);

}  // namespace res2clip
