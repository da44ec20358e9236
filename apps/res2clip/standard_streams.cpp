#include "standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace res2clip::app {

void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The lowest free descriptor is this one. Results that go nowhere are an error, messages are not.
    static_cast<void>(::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY));
  }
}

}  // namespace res2clip::app
