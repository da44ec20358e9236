#include "output_lock.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "res2clip/core/atomic_file.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

/// A process that was killed could not clean up after itself.
void remove_leftovers(const Path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const int writer = writer_of_temporary(entry.path().filename().string());
    if (writer < 0 || !entry.is_regular_file(ignored)) continue;
    const bool gone = ::kill(writer, 0) != 0 && errno == ESRCH;
    if (gone) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

OutputLock::OutputLock(const Path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw runtime_error(folder.string() + ": the folder cannot be made: " + failed.message());
  descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0)
    throw runtime_error(folder.string() + ": the folder cannot be opened: " + std::strerror(errno));
  // File systems that know no locks give other errors: there a user has to take care.
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(descriptor_);
    throw settings_error(folder.string() +
                         ": another training is writing there; wait for its end or give another --output");
  }
  remove_leftovers(folder);
}

OutputLock::~OutputLock() {
  ::close(descriptor_);
}

}  // namespace res2clip
