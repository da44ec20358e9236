#include "interrupts.hpp"

#include <cerrno>
#include <csignal>
#include <string_view>
#include <unistd.h>

#include "res2clip/core/atomic_file.hpp"

namespace res2clip::app {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;
bool on_terminal = false;

/// What whoever started this process ignores stays ignored: nohup's SIGHUP, a background job's SIGINT.
bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Without SA_RESTART, so that a read that waits for a line ends.
void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

/// Standard error from a signal handler, where nothing but write(2) is allowed.
void write_raw(std::string_view text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // nobody is left to be told
}

extern "C" void end_at_once(int signal) {
  remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// A second signal ends the process at once.
extern "C" void on_interrupt(int signal) {
  const int error_before = errno;
  interrupt_seen = 1;
  if (on_terminal) write_raw("\n");  // below the progress bar
  write_raw("stopping after this batch; again to stop now\n");
  handle(signal, end_at_once);
  errno = error_before;
}

}  // namespace

bool interrupted() {
  return interrupt_seen != 0;
}

void leave_no_unfinished_files() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU, SIGALRM, SIGUSR1, SIGUSR2})
    if (!is_ignored(signal)) handle(signal, end_at_once);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is told of like a full disk
}

void watch_interrupts() {
  on_terminal = ::isatty(STDERR_FILENO) == 1;
  for (const int signal : {SIGINT, SIGTERM})
    if (!is_ignored(signal)) handle(signal, on_interrupt);
}

}  // namespace res2clip::app
