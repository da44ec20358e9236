// As much of the zip format (and of its 64-bit extension) as it takes to find every entry's bytes and CRC.
#include "res2clip/torch_files/zip.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "res2clip/torch_files/crc32.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

constexpr std::uint32_t kEntry = 0x02014b50, kLocalEntry = 0x04034b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kEnd64Place = 0x07064b50;
constexpr std::uint32_t kIn64Bits = 0xffffffff;  // stands for a number in the 64-bit extension

template <class Number>
Number number_at(const std::string& bytes, std::size_t at) {
  Number value = 0;
  if (at + sizeof value > bytes.size()) throw std::runtime_error("its directory is cut off");
  std::memcpy(&value, bytes.data() + at, sizeof value);  // little-endian, as the machines this runs on
  return value;
}

class ZipFile {
 public:
  explicit ZipFile(const Path& path)
      : stream_(path, std::ios::binary), size_(std::filesystem::file_size(path)) {}

  void check_entries() {
    const std::string directory = read_directory();
    for (std::size_t at = 0;
         at + 4 <= directory.size() && number_at<std::uint32_t>(directory, at) == kEntry;) {
      const auto name_size = number_at<std::uint16_t>(directory, at + 28);
      const auto extra_size = number_at<std::uint16_t>(directory, at + 30);
      const auto comment_size = number_at<std::uint16_t>(directory, at + 32);
      if (at + 46 + name_size + extra_size > directory.size())
        throw std::runtime_error("its directory is cut off");
      check_entry(
          {directory.substr(at + 46, name_size), number_at<std::uint16_t>(directory, at + 10),
           number_at<std::uint32_t>(directory, at + 16), number_at<std::uint32_t>(directory, at + 20),
           number_at<std::uint32_t>(directory, at + 24), number_at<std::uint32_t>(directory, at + 42)},
          directory.substr(at + 46 + name_size, extra_size));
      at += 46u + name_size + extra_size + comment_size;
    }
  }

 private:
  struct Entry {
    std::string name;
    std::uint16_t method;
    std::uint32_t crc;
    std::uint64_t packed_size, size, offset;
  };

  std::string read(std::uint64_t offset, std::uint64_t count) {
    if (offset > size_ || count > size_ - offset) throw std::runtime_error("it is cut off");
    std::string bytes(count, '\0');
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(bytes.data(), static_cast<std::streamsize>(count));
    if (!stream_) throw std::runtime_error("it cannot be read");
    return bytes;
  }

  std::string read_directory() {
    constexpr std::uint64_t kLongestEnd = 22 + 65535;
    const std::uint64_t tail_start = size_ - std::min(size_, kLongestEnd);
    const std::string tail = read(tail_start, size_ - tail_start);
    const auto end = tail.rfind(std::string("PK\5\6", 4));
    if (end == std::string::npos) throw std::runtime_error("it has no directory: it is cut off");
    std::uint64_t size = number_at<std::uint32_t>(tail, end + 12);
    std::uint64_t offset = number_at<std::uint32_t>(tail, end + 16);
    if ((offset == kIn64Bits || size == kIn64Bits) && end >= 20 &&
        number_at<std::uint32_t>(tail, end - 20) == kEnd64Place) {
      const std::string end64 = read(number_at<std::uint64_t>(tail, end - 20 + 8), 56);
      if (number_at<std::uint32_t>(end64, 0) != kEnd64) throw std::runtime_error("its directory is damaged");
      size = number_at<std::uint64_t>(end64, 40);
      offset = number_at<std::uint64_t>(end64, 48);
    }
    return read(offset, size);
  }

  /// Numbers that do not fit 32 bits stand in the extra field 1, in this order.
  static void widen(Entry& entry, const std::string& extra) {
    for (std::size_t at = 0; at + 4 <= extra.size(); at += 4u + number_at<std::uint16_t>(extra, at + 2)) {
      if (number_at<std::uint16_t>(extra, at) != 1) continue;
      std::size_t next = at + 4;
      for (std::uint64_t* value : {&entry.size, &entry.packed_size, &entry.offset})
        if (*value == kIn64Bits) {
          *value = number_at<std::uint64_t>(extra, next);
          next += 8;
        }
    }
  }

  void check_entry(Entry entry, const std::string& extra) {
    widen(entry, extra);
    if (entry.method != 0 || entry.crc == 0) return;
    const std::string local = read(entry.offset, 30);
    if (number_at<std::uint32_t>(local, 0) != kLocalEntry)
      throw std::runtime_error("its entry " + entry.name + " is not where it should be");
    const std::uint64_t start =
        entry.offset + 30 + number_at<std::uint16_t>(local, 26) + number_at<std::uint16_t>(local, 28);
    constexpr std::uint64_t kPiece = 1 << 20;
    std::uint32_t crc = 0;
    for (std::uint64_t done = 0; done < entry.packed_size; done += kPiece)
      crc = crc32(read(start + done, std::min(kPiece, entry.packed_size - done)), crc);
    if (crc != entry.crc) throw std::runtime_error("its entry " + entry.name + " is not what was written");
  }

  std::ifstream stream_;
  std::uint64_t size_;
};

}  // namespace

void expect_undamaged_zip(const Path& path) {
  try {
    ZipFile(path).check_entries();
  } catch (const std::exception& error) {
    throw data_error(path.string() + ": is damaged: " + error.what() + "; fetch or write it again");
  }
}

}  // namespace res2clip
