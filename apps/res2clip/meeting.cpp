#include "meeting.hpp"

#include "interrupts.hpp"
#include "messages.hpp"

namespace res2clip::app {

std::unique_ptr<Communicator> meet(const ProcessPlace& place, bool quiet) {
  MeetingListener listener;
  if (!quiet && place.rank == 0) listener.waiting = note;
  listener.stop_requested = interrupted;
  return join_processes(place, std::chrono::minutes(10), listener);
}

}  // namespace res2clip::app
