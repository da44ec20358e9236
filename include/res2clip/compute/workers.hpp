#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace res2clip {

/// Threads that take tasks in the order in which they were handed in. LibTorch's operators run on one thread
/// within a task: many tasks at once use the cores, not many threads in each of them.
class Workers {
 public:
  /// At least one thread; 0: as many as LibTorch's operators use.
  explicit Workers(std::size_t threads = 0);
  /// Waits for the tasks that were begun; drops the others, whose futures then throw std::future_error.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  std::size_t size() const { return threads_.size(); }

  /// Runs `task` on one of the threads. Its result, or what it throws, comes out of the future.
  template <class Task>
  std::future<std::invoke_result_t<Task>> submit(Task task) {
    // std::function wants tasks that can be copied.
    auto packaged = std::make_shared<std::packaged_task<std::invoke_result_t<Task>()>>(std::move(task));
    auto result = packaged->get_future();
    add([packaged = std::move(packaged)] { (*packaged)(); });
    return result;
  }

 private:
  void add(std::function<void()> task);
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace res2clip
