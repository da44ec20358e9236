#pragma once

#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip::app {

/// Standard output is for data: results, JSON lines, paths. This writes one line to it, and throws a runtime
/// error where that fails.
void print(const std::string& line);
/// The same of a line for people, which may hold any names (terminal_text()).
void print_text(const std::string& line);

/// Throws a runtime error if a folder cannot be made, or no file be written in it: before hours of work.
void require_writable(const Path& folder);

/// Before the work: throws a settings error if `output` is one of the files that a command reads, or a
/// runtime error if no file can be written there.
void require_own_output(const Path& output, const std::vector<Path>& inputs);

}  // namespace res2clip::app
