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
    throw runtime_error(std::string(what) + " failed: " + first_line(error));
  }
}

}  // namespace res2clip
