#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace res2clip {

/// What went wrong, as a caller (or a shell) must tell it apart.
enum class ErrorKind {
  runtime,   ///< failed while running: disk full, out of memory, device lost (exit code 1)
  settings,  ///< wrong usage: arguments, settings files (exit code 2)
  data,      ///< bad input: image, weights, checkpoint, data set (exit code 3)
};

/// The one exception type of the library. The message is one line for the user: what, where (path, key,
/// line), what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const noexcept { return kind_; }

  /// The process exit code of the kind: 1, 2 or 3.
  int exit_code() const noexcept;

 private:
  ErrorKind kind_;
};

/// Shorthands that make an Error of each kind, to be thrown.
Error runtime_error(const std::string& message);
Error settings_error(const std::string& message);
Error data_error(const std::string& message);

/// The first line of an exception's message: in LibTorch's, a trace of C++ frames follows.
std::string first_line(const std::exception& error);

/// "a, b or c" of a list of words, for messages that name the choices. Empty for an empty list.
template <class Words>
std::string one_of(const Words& words) {
  std::string text;
  const std::size_t count = std::size(words);
  std::size_t i = 0;
  for (const auto& word : words) {
    if (i > 0) text += i + 1 == count ? " or " : ", ";
    text += word;
    ++i;
  }
  return text;
}

}  // namespace res2clip
