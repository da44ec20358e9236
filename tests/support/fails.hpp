#pragma once

#include <exception>
#include <gmock/gmock.h>
#include <string>

#include "res2clip/core/error.hpp"

namespace res2clip::testing {

inline std::string name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::runtime:
      return "a runtime error";
    case ErrorKind::settings:
      return "a settings error";
    case ErrorKind::data:
      return "a data error";
  }
  return "an error of no kind";
}

/// Matches an action that throws an Error of that kind, whose message is one line and matches:
///
///   EXPECT_THAT([&] { read_file(path); }, Fails(ErrorKind::data, HasSubstr("no such file")));
MATCHER_P2(Fails, kind, message,
           "throws " + name_of(kind) + " of one line that " +
               ::testing::DescribeMatcher<std::string>(message, negation)) {
  try {
    arg();
  } catch (const Error& error) {
    const std::string found = error.what();
    *result_listener << "which throws " << name_of(error.kind()) << ": \"" << found << '"';
    return error.kind() == kind && found.find('\n') == std::string::npos &&
           ::testing::Value(found, ::testing::SafeMatcherCast<const std::string&>(message));
  } catch (const std::exception& error) {
    *result_listener << "which throws no res2clip::Error: " << error.what();
    return false;
  }
  *result_listener << "which throws nothing";
  return false;
}

/// An action that throws a kept exception again, if there is one.
inline auto rethrowing(const std::exception_ptr& kept) {
  return [kept] {
    if (kept) std::rethrow_exception(kept);
  };
}

}  // namespace res2clip::testing
