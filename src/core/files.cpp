#include "res2clip/core/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "res2clip/core/atomic_file.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/sha256.hpp"

namespace res2clip {
namespace {

constexpr std::uint64_t kMostOfStreams = 256 << 20;  // of pipes and devices, whose end is not known before
constexpr std::size_t kPiece = 1 << 20;

/// A file that is open for reading. Throws data errors that name it.
class ReadableFile {
 public:
  explicit ReadableFile(const Path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw failure("cannot be opened");
    if (::fstat(descriptor_, &status_) != 0) status_ = {};
  }
  ~ReadableFile() { ::close(descriptor_); }
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;

  bool is_folder() const { return S_ISDIR(status_.st_mode); }
  /// Files under /proc are regular and say that they are empty.
  std::uint64_t stated_size() const {
    return S_ISREG(status_.st_mode) ? static_cast<std::uint64_t>(status_.st_size) : 0;
  }
  bool is_regular() const { return S_ISREG(status_.st_mode); }

  /// 0 at the end.
  std::size_t read(char* to, std::size_t size) const {
    for (;;) {
      const auto got = ::read(descriptor_, to, size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw failure("cannot be read");
      return static_cast<std::size_t>(got);
    }
  }

 private:
  Error failure(const char* what) const {
    return data_error(path_.string() + ": " + what + ": " + std::strerror(errno));
  }

  const Path& path_;
  int descriptor_;
  struct stat status_ {};
};

}  // namespace

bool flush_to_disk(int descriptor) noexcept {
  return ::fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS;
}

std::string read_file(const Path& path, std::uint64_t most) {
  const ReadableFile file(path);
  if (file.is_folder()) throw data_error(path.string() + ": is a folder, not a file");
  const std::uint64_t limit = file.is_regular() ? most : std::min(most, kMostOfStreams);
  const auto require_room = [&](std::uint64_t size) {
    if (size > limit)
      throw data_error(path.string() + ": holds more than " + std::to_string(limit >> 20) +
                       " MiB, which no file of its kind does");
  };
  require_room(file.stated_size());
  std::string bytes(file.stated_size() + 1, '\0');
  std::size_t size = 0;
  while (const std::size_t got = file.read(bytes.data() + size, bytes.size() - size)) {
    size += got;
    require_room(size);
    if (size == bytes.size()) bytes.resize(size + std::max(size / 2, kPiece));
  }
  bytes.resize(size);
  return bytes;
}

void write_file(const Path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

std::string sha256_of_file(const Path& path) {
  const ReadableFile file(path);
  Sha256 digest;
  std::string piece(kPiece, '\0');
  while (const std::size_t got = file.read(piece.data(), piece.size())) digest.add(piece.data(), got);
  return digest.hex();
}

}  // namespace res2clip
