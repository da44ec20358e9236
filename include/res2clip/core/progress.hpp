#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace res2clip {

/// Reported by long jobs in the library, which print nothing themselves: `done` of `total` units, with a
/// short note.
using ProgressCallback = std::function<void(std::int64_t done, std::int64_t total, const std::string& note)>;

/// A progress bar on standard error, redrawn in place on a terminal and silent elsewhere (or when `quiet`).
class ProgressBar {
 public:
  explicit ProgressBar(std::string title, bool quiet = false);
  ~ProgressBar();

  void update(std::int64_t done, std::int64_t total, const std::string& note = {});
  /// Prints a line above the bar (to standard error, on a terminal or not, unless quiet).
  void line(const std::string& text);
  /// Clears the bar.
  void finish();

 private:
  std::string title_;
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace res2clip
