#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace res2clip {

/// What tasks of several threads leave to be done one after the other, in the order in which they were handed
/// in: printing their results, say. A thread of its own does it, each as soon as its task and all before it
/// are done.
class InOrder {
 public:
  using Rest = std::function<void()>;

  /// At most `limit` tasks are under way or wait for their turn, which bounds the memory that they hold.
  explicit InOrder(std::size_t limit);
  /// Does what is left.
  ~InOrder();
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;

  /// Waits until there is room for one more. Throws what an earlier task or its rest threw; after that failure
  /// nothing more is done.
  void wait_for_room();
  /// A task that is under way. To be called after wait_for_room().
  void add(std::future<Rest> task);
  /// Waits for all. Throws the first failure.
  void finish();

 private:
  void work();
  void throw_failure();

  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::future<Rest>> tasks_;
  std::size_t under_way_ = 0;
  bool ending_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace res2clip
