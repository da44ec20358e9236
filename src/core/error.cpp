#include "res2clip/core/error.hpp"

namespace res2clip {

int Error::exit_code() const noexcept {
  switch (kind_) {
    case ErrorKind::settings:
      return 2;
    case ErrorKind::data:
      return 3;
    case ErrorKind::runtime:
      break;
  }
  return 1;
}

std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

Error runtime_error(const std::string& message) {
  return {ErrorKind::runtime, message};
}
Error settings_error(const std::string& message) {
  return {ErrorKind::settings, message};
}
Error data_error(const std::string& message) {
  return {ErrorKind::data, message};
}

}  // namespace res2clip
