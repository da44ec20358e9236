#include "res2clip/compute/in_order.hpp"

#include <utility>

namespace res2clip {

InOrder::InOrder(std::size_t limit) : limit_(limit), thread_([this] { work(); }) {}

InOrder::~InOrder() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void InOrder::throw_failure() {
  if (failure_) std::rethrow_exception(failure_);
}

void InOrder::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return under_way_ < limit_ || failure_; });
  throw_failure();
}

void InOrder::add(std::future<Rest> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ++under_way_;
  }
  changed_.notify_all();
}

void InOrder::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return under_way_ == 0; });
  throw_failure();
}

void InOrder::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    std::future<Rest> task = std::move(tasks_.front());
    tasks_.pop_front();
    const bool failed_before = failure_ != nullptr;
    lock.unlock();
    std::exception_ptr failure;
    try {
      const Rest rest = task.get();
      if (!failed_before) rest();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (!failure_) failure_ = failure;
    --under_way_;
    changed_.notify_all();
  }
}

}  // namespace res2clip
