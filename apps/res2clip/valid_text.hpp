#pragma once

#include <string>

namespace res2clip::app {

/// A text with U+FFFD for bytes that are not UTF-8, as JSON holds it.
std::string valid_text(const std::string& text);

}  // namespace res2clip::app
