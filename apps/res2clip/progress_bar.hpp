#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "res2clip/core/progress.hpp"

namespace res2clip {

/// How long a job still takes, judged by its pace since it was first asked: what was done before then (by a
/// run that this one resumes, say) cost this run no time.
class TimeLeft {
 public:
  using Clock = std::chrono::steady_clock;

  /// Seconds until `total` units are done; none while there is no pace to judge by.
  std::optional<double> seconds(std::int64_t done, std::int64_t total, Clock::time_point now = Clock::now());

 private:
  std::optional<Clock::time_point> start_;
  std::int64_t first_done_ = 0;
};

/// "0:07", "12:30" or, from an hour on, "3:02:09".
std::string clock_text(double seconds);

/// A progress bar on standard error, redrawn in place on a terminal and silent elsewhere (or when `quiet`).
class ProgressBar {
 public:
  explicit ProgressBar(std::string title, bool quiet = false);
  ~ProgressBar();

  /// Reports to this bar, which must outlive it.
  ProgressCallback callback();
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
  TimeLeft time_left_;
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace res2clip
