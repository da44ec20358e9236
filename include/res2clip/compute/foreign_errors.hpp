#pragma once

#include <string>
#include <utility>

namespace res2clip {

/// In a handler: the exception at hand if it is ours, else (LibTorch's, the C++ library's: out of memory,
/// device lost, ...) a runtime error that says what failed, with the first line of its reason. So callers
/// have one type to catch. Not to be put around a call of a caller's own function: what that throws is the
/// caller's and goes through as it is.
[[noreturn]] void rethrow_as_ours(const std::string& what);

/// What `work` gives; what it throws becomes ours.
template <class Work>
auto as_ours(const std::string& what, Work&& work) -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    rethrow_as_ours(what);
  }
}

}  // namespace res2clip
