#pragma once

#include <string>
#include <string_view>

namespace res2clip {

/// A CSV cell (RFC 4180): quoted where it holds a comma, a quote or a line break, or borders on a blank. A
/// text that spreadsheets would run as a formula (it begins with =, +, -, @, a tab or a carriage return) gets
/// an apostrophe before it, and what steers terminals is shown as in terminal_text().
std::string csv_cell(std::string_view text);

/// The shortest decimal text that reads back as the same number.
std::string csv_cell(double value);
std::string csv_cell(float value);

}  // namespace res2clip
