#pragma once

#include <exception>
#include <new>
#include <string>

#include <c10/util/Exception.h>

#include "res2clip/core/error.hpp"

namespace res2clip {

/// Runs `work` and makes every exception of LibTorch, OpenCV and the standard library an Error of ours: most
/// often memory that cannot be had. `name` begins the message.
template <class Work>
auto with_own_errors(const std::string& name, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw runtime_error(name + ": out of memory");
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw runtime_error(name + ": " + text.substr(0, text.find('\n')));
  } catch (const std::exception& error) {
    throw runtime_error(name + ": " + error.what());
  }
}

}  // namespace res2clip
