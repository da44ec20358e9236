#include <atomic>
#include <mutex>
#include <pthread.h>

#include <ATen/Parallel.h>

#include "res2clip/compute/compute.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

std::atomic<bool> computed{false}, threads_lost{false};

void note_fork() {
  threads_lost = computed.load();
}

}  // namespace

void require_not_forked() {
  if (at::get_num_threads() < 2) return;  // nothing is waited for
  if (threads_lost)
    throw runtime_error(
        "this process was made by fork() after its parent had computed, and the threads that compute are not "
        "in "
        "it; fork before the first use of the library, start the child with exec(), or let the parent "
        "compute on "
        "one thread");
  static std::once_flag registered;
  std::call_once(registered, [] { pthread_atfork(nullptr, nullptr, note_fork); });
  computed = true;
}

}  // namespace res2clip
