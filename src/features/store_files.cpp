#include "store_files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

Error failure(const Path& path, const char* what) {
  const int reason = errno;
  std::string message = path.string() + ": " + what + ": " + std::strerror(reason);
  if (reason == ENOSPC || reason == EDQUOT) message += "; make room and start again, what is stored stays";
  return runtime_error(message);
}

}  // namespace

StoreFile::StoreFile(Path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) {
    const int refused = errno;
    writable_ = false;
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) errno = refused;  // why it could not be made says more than that it is absent
  }
  if (descriptor_ < 0) throw failure(path_, "cannot be opened");
}

StoreFile::~StoreFile() {
  ::close(descriptor_);
}

std::int64_t StoreFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw failure(path_, "cannot be read");
  return status.st_size;
}

std::string StoreFile::read(std::int64_t offset, std::int64_t size) const {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto got =
        ::pread(descriptor_, bytes.data() + done, bytes.size() - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failure(path_, "cannot be read");
    if (got == 0) break;  // shorter than it was a moment ago
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void StoreFile::write(std::int64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto put = ::pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw failure(path_, "cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += put;
  }
}

void StoreFile::truncate(std::int64_t size) const {
  if (::ftruncate(descriptor_, size) != 0) throw failure(path_, "cannot be shortened");
}

void StoreFile::flush() const {
  if (!flush_to_disk(descriptor_)) throw failure(path_, "cannot be flushed to disk");
}

StoreLock::StoreLock(const StoreFile& file) : descriptor_(file.writable() ? file.descriptor() : -1) {
  while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX) != 0)
    if (errno != EINTR) throw failure(file.path(), "cannot be locked");
}

StoreLock::~StoreLock() {
  if (descriptor_ >= 0) ::flock(descriptor_, LOCK_UN);
}

}  // namespace res2clip
