#pragma once

#include <string>

namespace res2clip::app {

/// A remark for the user, to standard error. Control characters, which file names may hold and terminals
/// obey, are written as \x1b, but for line feeds and tabs.
void note(const std::string& line);
/// What went wrong, to standard error.
void complain(const std::string& line);

}  // namespace res2clip::app
