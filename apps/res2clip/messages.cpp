#include "messages.hpp"

#include "res2clip/core/terminal_text.hpp"

#include "standard_error.hpp"

namespace res2clip::app {

void note(const std::string& line) {
  log_line(terminal_text(line));
}

void complain(const std::string& line) {
  log_line("res2clip: " + terminal_text(line));
}

}  // namespace res2clip::app
