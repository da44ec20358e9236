#include "progress_bar.hpp"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

#include "res2clip/core/terminal_text.hpp"

namespace res2clip {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

std::optional<double> TimeLeft::seconds(std::int64_t done, std::int64_t total, Clock::time_point now) {
  if (!start_) {
    start_ = now;
    first_done_ = done;
  }
  if (done <= first_done_) return std::nullopt;
  const double elapsed = std::chrono::duration<double>(now - *start_).count();
  return elapsed / static_cast<double>(done - first_done_) *
         static_cast<double>(std::max<std::int64_t>(0, total - done));
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  char text[48];
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

ProgressBar::ProgressBar(std::string title, bool quiet)
    : title_(std::move(title)), quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  finish();
}

ProgressCallback ProgressBar::callback() {
  return
      [this](std::int64_t done, std::int64_t total, const std::string& note) { update(done, total, note); };
}

void ProgressBar::update(std::int64_t done, std::int64_t total, const std::string& note) {
  if (quiet_ || !terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  const std::optional<double> left = time_left_.seconds(done, total, now);
  if (drawn_ && done < total && now - last_draw_ < kRedrawEvery) return;
  last_draw_ = now;
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0;
  const std::string before = title_ + " [";
  std::string after = "] " + std::to_string(done) + "/" + std::to_string(total) + " ";
  if (left) after += clock_text(*left) + " left ";
  after += terminal_text(note);
  // What stands beside the bar matters more than its length.
  const std::size_t room = terminal_width() - 1, beside = before.size() + after.size();
  const std::size_t width = std::clamp<std::size_t>(room > beside ? room - beside : 0, 6, 24);
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  std::string line = before + std::string(filled, '#') + std::string(width - filled, '.') + after;
  line.resize(std::min(line.size(), room));
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::line(const std::string& text) {
  if (quiet_) return;
  finish();
  std::fprintf(stderr, "%s\n", terminal_text(text).c_str());
}

void ProgressBar::finish() {
  if (!drawn_) return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace res2clip
