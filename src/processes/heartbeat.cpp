#include "heartbeat.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace res2clip {
namespace {

using Clock = std::chrono::steady_clock;

std::string key_of(int rank) {
  return "sign/" + std::to_string(rank);
}

}  // namespace

/// Shared by the process and its thread, which may outlive the Heartbeat.
struct Heartbeat::State {
  c10::intrusive_ptr<c10d::Store> store;
  int rank, size;
  std::chrono::milliseconds every;

  mutable std::mutex mutex;  // guards what is below
  std::condition_variable changed;
  Sign own;
  Signs signs;
  Clock::time_point answered = Clock::now();
  bool asking = false, ending = false;

  State(const c10::intrusive_ptr<c10d::Store>& where, int own_rank, int processes,
        std::chrono::milliseconds pause)
      : store(where), rank(own_rank), size(processes), every(pause), signs(processes, Clock::now()) {}

  void tell(const Sign& sign) const { store->set(key_of(rank), as_text(sign)); }

  /// The signs of all, as their texts.
  std::vector<std::string> ask() const {
    std::vector<std::string> texts;
    for (int other = 0; other < size; ++other) texts.push_back(store->get_to_str(key_of(other)));
    return texts;
  }

  /// Between two calls that may block the mutex is free.
  void beat(std::unique_lock<std::mutex>& lock) {
    ++own.beat;
    const Sign sign = own;
    asking = true;
    lock.unlock();
    tell(sign);
    const std::vector<std::string> texts = ask();
    lock.lock();
    asking = false;
    answered = Clock::now();
    for (int other = 0; other < size; ++other)
      signs.take(other, sign_from(texts[static_cast<std::size_t>(other)]), answered);
    changed.notify_all();
  }

  void listen() {
    std::unique_lock lock(mutex);
    while (!ending) {
      beat(lock);
      changed.wait_for(lock, every, [this] { return ending; });
    }
  }
};

Heartbeat::Heartbeat(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                     std::chrono::milliseconds every)
    : state_(std::make_shared<State>(store, rank, size, every)) {
  state_->tell(state_->own);
}

Heartbeat::~Heartbeat() {
  std::unique_lock lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, state_->every, [this] { return !state_->asking; });
}

void Heartbeat::begin() {
  std::thread([state = state_] {
    try {
      state->listen();
    } catch (const std::exception&) {
      // The store is gone, with the process that holds it: whoever waits learns it from its own call, or from
      // the time of the last answer.
      const std::lock_guard lock(state->mutex);
      state->asking = false;
      state->changed.notify_all();
    }
  }).detach();
}

void Heartbeat::progress() {
  const std::lock_guard lock(state_->mutex);
  ++state_->own.progress;
}

void Heartbeat::set_waiting(bool waiting) {
  const std::lock_guard lock(state_->mutex);
  state_->own.waiting = waiting;
  ++state_->own.progress;
}

Standstill Heartbeat::longest() const {
  const std::lock_guard lock(state_->mutex);
  const auto now = Clock::now();
  if (now - state_->answered > 3 * state_->every) return {0, now - state_->answered};
  return state_->signs.longest(state_->rank, now);
}

}  // namespace res2clip
