#pragma once

#include <chrono>
#include <memory>

#include <c10/util/intrusive_ptr.h>

#include "signs.hpp"

namespace c10d {
class Store;
}

namespace res2clip {

/// Tells the other processes of a job, through their store, that this one lives and gets on, and listens to
/// them.
class Heartbeat {
 public:
  /// Gives a first sign at once; every process must, before the first of them begins to listen.
  Heartbeat(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
            std::chrono::milliseconds every);
  ~Heartbeat();  ///< ends the thread below; one that waits for a store which does not answer is left behind
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Begins to tell and to listen, on a thread of its own.
  void begin();
  void progress();
  void set_waiting(bool waiting);
  /// Who has stood still the longest: process 0 if its store does not answer.
  Standstill longest() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace res2clip
