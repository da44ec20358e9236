#pragma once

#include <string>

namespace res2clip::app {

/// A remark for the user, to standard error: one line, of whatever names are in it (terminal_text()).
void note(const std::string& line);
/// What went wrong, likewise.
void complain(const std::string& line);

}  // namespace res2clip::app
