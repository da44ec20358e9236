#include "open_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "res2clip/core/error.hpp"

namespace res2clip {

OpenFile::OpenFile(Path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    const std::string reason = std::strerror(errno);
    if (descriptor_ >= 0) ::close(descriptor_);
    throw data_error(path_.string() + ": cannot be opened: " + reason);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw data_error(path_.string() + ": cannot be opened: it is not a regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

OpenFile::~OpenFile() {
  ::close(descriptor_);
}

void OpenFile::read_into(std::uint64_t offset, void* memory, std::uint64_t count) const {
  if (offset > size_ || count > size_ - offset)
    throw data_error(path_.string() + ": is cut off; fetch it again");
  auto* to = static_cast<char*>(memory);
  while (count > 0) {
    const auto got =
        ::pread(descriptor_, to, std::min<std::uint64_t>(count, 1 << 30), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw data_error(path_.string() + ": cannot be read: " + std::strerror(errno));
    if (got == 0) throw data_error(path_.string() + ": became shorter while it was read");
    to += got;
    offset += static_cast<std::uint64_t>(got);
    count -= static_cast<std::uint64_t>(got);
  }
}

std::string OpenFile::read(std::uint64_t offset, std::uint64_t count) const {
  if (offset > size_ || count > size_ - offset)
    throw data_error(path_.string() + ": is cut off; fetch it again");
  std::string bytes(count, '\0');
  read_into(offset, bytes.data(), count);
  return bytes;
}

}  // namespace res2clip
