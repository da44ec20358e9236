#pragma once

#include <string>

namespace res2clip::app {

/// Adds a line to standard error, as it is.
void log_line(const std::string& line);

}  // namespace res2clip::app
