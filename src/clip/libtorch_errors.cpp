#include "libtorch_errors.hpp"

#include <exception>
#include <string>

#include "res2clip/core/error.hpp"

namespace res2clip {

void rethrow_as_ours(const char* what) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    throw runtime_error(std::string(what) + " failed: " + text.substr(0, text.find('\n')));
  }
}

}  // namespace res2clip
