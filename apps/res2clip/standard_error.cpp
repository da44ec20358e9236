#include "standard_error.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace res2clip::app {

void log_line(const std::string& line) {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("res2clip");
    made->set_pattern("%v");
    return made;
  }();
  logger->info(line);
}

}  // namespace res2clip::app
