#pragma once

#include <string>

namespace res2clip::app {

/// `text` with control characters, which file names may hold and terminals obey, as \\x1b. Line feeds and
/// tabs stay, unless it is to be one line.
std::string visible(const std::string& text, bool one_line = false);

/// A remark for the user, to standard error.
void note(const std::string& line);
/// What went wrong, to standard error.
void complain(const std::string& line);

}  // namespace res2clip::app
