#include "res2clip/core/atomic_file.hpp"

#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>
#include <utility>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

constexpr std::string_view kEnding = ".part";
constexpr std::size_t kRandomLetters = 8;
constexpr std::size_t kLongestName = 255;  // of a file, in bytes, on the usual file systems
constexpr int kAttempts = 100;

/// Temporary names of the AtomicFiles there are. More than these are not cleaned up after a signal.
std::array<std::atomic<const char*>, 64> unfinished{};

/// Where a name leads: through a link, the file itself is replaced, not the link.
Path target_of(Path path) {
  std::error_code failed;
  if (!std::filesystem::is_symlink(path, failed)) return path;
  Path target = std::filesystem::weakly_canonical(path, failed);
  return failed ? path : target;
}

std::string random_letters() {
  std::array<unsigned char, kRandomLetters> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw runtime_error(std::string("the system gives no random numbers: ") + std::strerror(errno));
  std::string text;
  for (const unsigned char byte : bytes) text += static_cast<char>('a' + byte % 26);
  return text;
}

/// Of a name that is nearly as long as names may be, the beginning stands for all of it.
Path temporary_name(const Path& path) {
  const std::string tail = "." + std::to_string(::getpid()) + "-" + random_letters() + std::string(kEnding);
  return path.parent_path() / (path.filename().string().substr(0, kLongestName - tail.size()) + tail);
}

void require_replaceable(const Path& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed))
    throw runtime_error(path.string() + ": is a folder; name a file to write to");
  if (std::filesystem::exists(path, failed) && !std::filesystem::is_regular_file(path, failed))
    throw runtime_error(
        path.string() +
        ": is a device, a pipe or a socket, which a file cannot replace; name a file to write to");
}

/// A file system that cannot flush a folder keeps names as well as it can.
void flush_folder(const Path& path) {
  const Path folder = path.has_parent_path() ? path.parent_path() : Path(".");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written but not read
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(Path path) : path_(target_of(std::move(path))) {
  const Path folder = path_.parent_path();
  std::error_code failed;
  if (!folder.empty()) std::filesystem::create_directories(folder, failed);
  if (failed) throw runtime_error(folder.string() + ": the folder cannot be made: " + failed.message());
  require_replaceable(path_);
  for (int attempt = 0; attempt < kAttempts && descriptor_ < 0; ++attempt) {
    temporary_ = temporary_name(path_);
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) fail("cannot be written");
  for (auto& slot : unfinished) {
    const char* nobody = nullptr;
    if (slot.compare_exchange_strong(nobody, temporary_.c_str())) break;
  }
}

AtomicFile::~AtomicFile() {
  for (auto& slot : unfinished) {
    const char* own = temporary_.c_str();
    if (slot.compare_exchange_strong(own, nullptr)) break;
  }
  if (!committed_) ::unlink(temporary_.c_str());
  ::close(descriptor_);
}

void AtomicFile::fail(const char* what) const {
  throw runtime_error(path_.string() + ": " + what + ": " + std::strerror(errno));
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(descriptor_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void AtomicFile::commit() {
  if (!flush_to_disk(descriptor_)) fail("cannot be flushed to disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be written");
  committed_ = true;
  flush_folder(path_);
}

void remove_unfinished_files() noexcept {
  for (auto& slot : unfinished)
    if (const char* name = slot.load()) ::unlink(name);
}

int writer_of_temporary(std::string_view name) {
  if (!name.ends_with(kEnding)) return -1;
  name.remove_suffix(kEnding.size());
  const auto dash = name.rfind('-');
  const auto dot = name.rfind('.');
  if (dash == std::string_view::npos || dot == std::string_view::npos || dot >= dash) return -1;
  const std::string_view letters = name.substr(dash + 1), digits = name.substr(dot + 1, dash - dot - 1);
  for (const char letter : letters)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) return -1;
  int process = -1;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), process).ptr;
  const bool whole = end == digits.data() + digits.size() && !digits.empty() && !letters.empty();
  return whole && process > 0 ? process : -1;
}

}  // namespace res2clip
