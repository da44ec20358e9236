#include "res2clip/compute/foreign_errors.hpp"

#include <exception>
#include <string>

#include "res2clip/compute/memory.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {

void rethrow_as_ours(const std::string& what) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw runtime_error(what + " failed: " + out_of_memory_message(error).value_or(first_line(error)));
  }
}

}  // namespace res2clip
