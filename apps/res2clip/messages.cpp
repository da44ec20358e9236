#include "messages.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "text_of.hpp"

namespace res2clip::app {
namespace {

/// The log of the program: plain lines on standard error.
spdlog::logger& messages() {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("res2clip");
    made->set_pattern("%v");
    return made;
  }();
  return *logger;
}

std::string visible(const std::string& text) {
  std::string shown;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if ((byte >= 0x20 && byte != 0x7f) || letter == '\n' || letter == '\t')
      shown += letter;
    else
      shown += text_of("\\x%02x", byte);
  }
  return shown;
}

}  // namespace

void note(const std::string& line) {
  messages().info(visible(line));
}

void complain(const std::string& line) {
  messages().error("res2clip: " + visible(line));
}

}  // namespace res2clip::app
