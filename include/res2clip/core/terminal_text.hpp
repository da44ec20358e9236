#pragma once

#include <string>
#include <string_view>

namespace res2clip {

/// What terminal_text() does with line feeds, carriage returns and tabs.
enum class LineBreaks { shown, kept };

/// A text as a terminal may be given it: what steers a terminal (control characters), turns the direction of
/// writing or breaks lines, and bytes that are not UTF-8, are shown byte by byte as "\x1b".
std::string terminal_text(std::string_view text, LineBreaks breaks = LineBreaks::shown);

}  // namespace res2clip
