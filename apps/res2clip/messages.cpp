#include "messages.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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

}  // namespace

void note(const std::string& line) {
  messages().info(line);
}

void complain(const std::string& line) {
  messages().error("res2clip: " + line);
}

}  // namespace res2clip::app
