#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "res2clip/core/error.hpp"
#include "res2clip/image/file_kinds.hpp"
#include "res2clip/image/read.hpp"

namespace res2clip {
namespace {

constexpr std::size_t kFirstBytes = 512, kLargestImageFile = std::size_t{1} << 31;

struct OpenFile {
  explicit OpenFile(const Path& path) : descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int descriptor;
};

Error unreadable(const Path& path) {
  return data_error(path.string() + ": cannot be read: " + std::strerror(errno));
}

Error too_large(const Path& path) {
  return data_error(path.string() + ": is larger than 2 GB");
}

/// Appends up to `size` bytes to `bytes`; fewer at the file's end.
void append(const OpenFile& file, const Path& path, std::string& bytes, std::size_t size) {
  const std::size_t before = bytes.size();
  bytes.resize(before + size);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::read(file.descriptor, bytes.data() + before + got, size - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw unreadable(path);
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(before + got);
}

std::size_t size_of(const OpenFile& file) {
  struct stat status {};
  return ::fstat(file.descriptor, &status) == 0 && S_ISREG(status.st_mode)
             ? static_cast<std::size_t>(status.st_size)
             : 0;
}

}  // namespace

std::string read_image_file(const Path& path) {
  const OpenFile file(path);
  if (file.descriptor < 0) {
    const int cause = errno;
    if (const auto why = why_not_an_image(path)) throw data_error(path.string() + ": " + why->reason);
    throw data_error(path.string() + ": cannot be opened: " + std::strerror(cause));
  }
  std::string bytes;
  if (std::filesystem::is_directory(path)) throw data_error(path.string() + ": is a folder, not an image");
  append(file, path, bytes, kFirstBytes);
  if (const auto why = why_not_an_image(std::string_view(bytes)))
    throw data_error(path.string() + ": " + why->reason);
  constexpr std::size_t kPiece = 1 << 20;
  const std::size_t whole = size_of(file);
  if (whole > kLargestImageFile) throw too_large(path);
  if (whole > bytes.size()) append(file, path, bytes, whole - bytes.size());
  // A pipe, or a file that grows, is read to its end.
  for (std::size_t before = 0; before != bytes.size();) {
    before = bytes.size();
    if (before > kLargestImageFile) throw too_large(path);
    append(file, path, bytes, whole > 0 ? 1 : kPiece);
  }
  return bytes;
}

}  // namespace res2clip
