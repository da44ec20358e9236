#include "res2clip/core/files.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <unistd.h>
#include <utility>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

std::string reason() {
  return std::strerror(errno);
}

struct Digest {
  Digest() : context(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  }

  void add(const void* data, std::size_t size) { EVP_DigestUpdate(context.get(), data, size); }

  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context.get(), bytes.data(), &size);
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += digits[bytes[i] >> 4];
      text += digits[bytes[i] & 15];
    }
    return text;
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context;
};

/// Temporary names of the AtomicFiles there are. More than these are not cleaned up after a signal.
std::array<std::atomic<const char*>, 64> unfinished{};

/// Where a name leads: through a link, the file itself is replaced, not the link.
Path target_of(Path path) {
  std::error_code failed;
  if (!std::filesystem::is_symlink(path, failed)) return path;
  Path target = std::filesystem::weakly_canonical(path, failed);
  return failed ? path : target;
}

void flush_file(const Path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw runtime_error(path.string() + ": cannot be written: " + reason());
  const bool flushed = flush_to_disk(file);
  const std::string why = reason();
  ::close(file);
  if (!flushed) throw runtime_error(path.string() + ": cannot be flushed to disk: " + why);
}

}  // namespace

bool flush_to_disk(int descriptor) noexcept {
  return ::fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS;
}

std::string read_file(const Path& path) {
  std::error_code status;
  if (std::filesystem::is_directory(path, status))
    throw data_error(path.string() + ": is a folder, not a file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw data_error(path.string() + ": cannot be opened: " + reason());
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (stream.bad()) throw data_error(path.string() + ": cannot be read: " + reason());
  return bytes;
}

AtomicFile::AtomicFile(Path path) : path_(target_of(std::move(path))) {
  static std::atomic<unsigned> counter{0};
  const Path folder = path_.parent_path();
  std::error_code failed;
  if (!folder.empty()) std::filesystem::create_directories(folder, failed);
  if (failed) throw runtime_error(folder.string() + ": the folder cannot be made: " + failed.message());
  if (std::filesystem::is_directory(path_, failed))
    throw runtime_error(path_.string() + ": is a folder; name a file to write to");
  if (std::filesystem::exists(path_, failed) && !std::filesystem::is_regular_file(path_, failed))
    throw runtime_error(
        path_.string() +
        ": is a device, a pipe or a socket, which a file cannot replace; name a file to write to");
  temporary_ = path_;
  temporary_ += "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".part";
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
  std::error_code ignored;
  if (!committed_) std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  flush_file(temporary_);
  std::error_code failed;
  std::filesystem::rename(temporary_, path_, failed);
  if (failed) throw runtime_error(path_.string() + ": cannot be written: " + failed.message());
  committed_ = true;
}

void remove_unfinished_files() noexcept {
  for (auto& slot : unfinished)
    if (const char* name = slot.load()) ::unlink(name);
}

void write_file(const Path& path, std::string_view bytes) {
  AtomicFile file(path);
  {
    std::ofstream stream(file.temporary(), std::ios::binary | std::ios::trunc);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) throw runtime_error(path.string() + ": cannot be written: " + reason());
  }
  file.commit();
}

std::string sha256(std::string_view bytes) {
  Digest digest;
  digest.add(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_of_file(const Path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw data_error(path.string() + ": cannot be opened: " + reason());
  Digest digest;
  std::string piece(1 << 20, '\0');
  while (stream.read(piece.data(), static_cast<std::streamsize>(piece.size())) || stream.gcount() > 0)
    digest.add(piece.data(), static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) throw data_error(path.string() + ": cannot be read: " + reason());
  return digest.hex();
}

}  // namespace res2clip
