// As much of the zip format (and of its 64-bit extension) as it takes to find every entry's bytes and CRC. A
// library of its own would unpack what it is given; here no byte is read that the file does not hold.
#include "res2clip/torch_files/zip.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>
#include <zlib.h>

#include "res2clip/core/error.hpp"
#include "res2clip/torch_files/crc32.hpp"

#include "open_file.hpp"

namespace res2clip {
namespace {

constexpr std::uint32_t kEntry = 0x02014b50, kLocalEntry = 0x04034b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kEnd64Place = 0x07064b50;
constexpr std::uint32_t kIn64Bits = 0xffffffff;        // stands for a number in the 64-bit extension
constexpr std::uint16_t kManyEntries = 0xffff;         // likewise
constexpr std::uint64_t kLargestDirectory = 64 << 20;  // of a million entries
constexpr std::uint16_t kEncrypted = 1;
constexpr std::uint64_t kPiece = 1 << 20;         // seen while it is near
constexpr std::uint64_t kMostUnpacked = 1 << 30;  // of a compressed entry, which is code

template <class Number>
Number number_at(const std::string& bytes, std::size_t at) {
  Number value = 0;
  if (at > bytes.size() || sizeof value > bytes.size() - at)
    throw std::runtime_error("its directory is cut off");
  std::memcpy(&value, bytes.data() + at, sizeof value);  // little-endian, as the machines this runs on
  return value;
}

struct Directory {
  std::uint64_t start = 0, size = 0, entries = 0;
  std::string comment = {};
};

/// An entry as the directory tells it: where its own header lies, not yet where its bytes do.
struct Listed {
  std::string name;
  ZipEntry entry;
  std::uint64_t header = 0;
};

Directory find_directory(const OpenFile& file) {
  constexpr std::uint64_t kEndSize = 22, kLongestComment = 65535;
  const std::uint64_t tail_start = file.size() - std::min(file.size(), kEndSize + kLongestComment);
  const std::string tail = file.read(tail_start, file.size() - tail_start);
  const auto end = tail.rfind(std::string("PK\5\6", 4));
  // Its last two bytes count those of the comment behind it.
  if (end == std::string::npos || tail.size() - end < kEndSize ||
      number_at<std::uint16_t>(tail, end + kEndSize - 2) != tail.size() - end - kEndSize)
    throw std::runtime_error("it has no directory: it is cut off");
  Directory found{number_at<std::uint32_t>(tail, end + 16), number_at<std::uint32_t>(tail, end + 12),
                  number_at<std::uint16_t>(tail, end + 10)};
  const bool in_64_bits =
      found.start == kIn64Bits || found.size == kIn64Bits || found.entries == kManyEntries;
  if (in_64_bits && end >= 20 && number_at<std::uint32_t>(tail, end - 20) == kEnd64Place) {
    const std::string end64 = file.read(number_at<std::uint64_t>(tail, end - 20 + 8), 56);
    if (number_at<std::uint32_t>(end64, 0) != kEnd64) throw std::runtime_error("its directory is damaged");
    found = {number_at<std::uint64_t>(end64, 48), number_at<std::uint64_t>(end64, 40),
             number_at<std::uint64_t>(end64, 32)};
  }
  found.comment = tail.substr(end + kEndSize);
  if (found.size > kLargestDirectory)
    throw std::runtime_error("its directory is larger than any of weights is");
  return found;
}

/// Numbers that do not fit 32 bits stand in the extra field 1, in this order.
void widen(Listed& listed, const std::string& extra) {
  for (std::size_t at = 0; at + 4 <= extra.size(); at += 4u + number_at<std::uint16_t>(extra, at + 2)) {
    if (number_at<std::uint16_t>(extra, at) != 1) continue;
    std::size_t next = at + 4;
    for (std::uint64_t* value : {&listed.entry.unpacked, &listed.entry.size, &listed.header})
      if (*value == kIn64Bits) {
        *value = number_at<std::uint64_t>(extra, next);
        next += 8;
      }
  }
}

std::vector<Listed> list_entries(const std::string& directory, std::uint64_t count) {
  constexpr std::size_t kHeader = 46;
  std::vector<Listed> entries;
  std::size_t at = 0;
  for (; at < directory.size();) {
    if (number_at<std::uint32_t>(directory, at) != kEntry)
      throw std::runtime_error("its directory is damaged");
    const std::size_t name_size = number_at<std::uint16_t>(directory, at + 28);
    const std::size_t extra_size = number_at<std::uint16_t>(directory, at + 30);
    const std::size_t comment_size = number_at<std::uint16_t>(directory, at + 32);
    if (at + kHeader + name_size + extra_size + comment_size > directory.size())
      throw std::runtime_error("its directory is cut off");
    if ((number_at<std::uint16_t>(directory, at + 8) & kEncrypted) != 0)
      throw std::runtime_error("it is encrypted");
    Listed listed;
    listed.name = directory.substr(at + kHeader, name_size);
    listed.entry.stored = number_at<std::uint16_t>(directory, at + 10) == 0;
    listed.entry.crc = number_at<std::uint32_t>(directory, at + 16);
    listed.entry.size = number_at<std::uint32_t>(directory, at + 20);
    listed.entry.unpacked = number_at<std::uint32_t>(directory, at + 24);
    listed.header = number_at<std::uint32_t>(directory, at + 42);
    widen(listed, directory.substr(at + kHeader + name_size, extra_size));
    if (listed.entry.stored && listed.entry.unpacked != listed.entry.size)
      throw std::runtime_error("its entry " + listed.name + " has two sizes");
    entries.push_back(std::move(listed));
    at += kHeader + name_size + extra_size + comment_size;
  }
  if (entries.size() != count)
    throw std::runtime_error("its directory does not list as many entries as it says");
  return entries;
}

/// Finds each entry's bytes behind its own header. No two may share any: a few bytes could pass for many.
void place_entries(const OpenFile& file, std::vector<Listed>& entries, std::uint64_t directory_start) {
  constexpr std::uint64_t kHeader = 30;
  std::sort(entries.begin(), entries.end(),
            [](const Listed& a, const Listed& b) { return a.header < b.header; });
  std::uint64_t free_from = 0;
  for (Listed& listed : entries) {
    if (listed.header < free_from || listed.header > directory_start)
      throw std::runtime_error("its entry " + listed.name + " shares bytes with another");
    const std::string header = file.read(listed.header, kHeader);
    if (number_at<std::uint32_t>(header, 0) != kLocalEntry)
      throw std::runtime_error("its entry " + listed.name + " is not where it should be");
    listed.entry.start =
        listed.header + kHeader + number_at<std::uint16_t>(header, 26) + number_at<std::uint16_t>(header, 28);
    if (listed.entry.start > directory_start || listed.entry.size > directory_start - listed.entry.start)
      throw std::runtime_error("its entry " + listed.name + " reaches beyond the file's data: it is cut off");
    free_from = listed.entry.start + listed.entry.size;
  }
}

/// A raw deflate stream that must end where its bytes end, with exactly `size` bytes unpacked.
std::string inflated(const std::string& packed, std::uint64_t size) {
  std::string bytes(size, '\0');
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  const bool whole =
      ::inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  ::inflateEnd(&stream);
  if (!whole) throw std::runtime_error("a compressed entry cannot be unpacked");
  return bytes;
}

}  // namespace

struct ZipArchive::File {
  explicit File(const Path& path) : bytes(path) {}

  [[noreturn]] void refuse(const std::string& what) const {
    throw data_error(bytes.path().string() + ": is damaged: " + what + "; fetch or write it again");
  }

  const ZipEntry& stored(const std::string& name) const {
    const auto found = entries.find(name);
    if (found == entries.end()) refuse("its entry " + name + " is missing");
    if (!found->second.stored)
      throw data_error(bytes.path().string() + ": its entry " + name +
                       " is compressed, which PyTorch never does; pack the file again without compression");
    return found->second;
  }

  void require_at_most(const std::string& name, std::uint64_t size, std::uint64_t most) const {
    if (size > most)
      refuse("its entry " + name + " has " + std::to_string(size) + " bytes, more than any has");
  }

  OpenFile bytes;
  std::string comment;
  std::map<std::string, ZipEntry> entries;
};

ZipArchive::ZipArchive(const Path& path) : file_(std::make_unique<File>(path)) {
  try {
    const Directory directory = find_directory(file_->bytes);
    auto entries = list_entries(file_->bytes.read(directory.start, directory.size), directory.entries);
    place_entries(file_->bytes, entries, directory.start);
    for (Listed& listed : entries)
      if (!file_->entries.try_emplace(std::move(listed.name), listed.entry).second)
        throw std::runtime_error("two of its entries have one name");
    file_->comment = directory.comment;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    file_->refuse(error.what());
  }
}

ZipArchive::~ZipArchive() = default;
ZipArchive::ZipArchive(ZipArchive&&) noexcept = default;
ZipArchive& ZipArchive::operator=(ZipArchive&&) noexcept = default;

const std::map<std::string, ZipEntry>& ZipArchive::entries() const {
  return file_->entries;
}

const Path& ZipArchive::path() const {
  return file_->bytes.path();
}

std::uint64_t ZipArchive::size() const {
  return file_->bytes.size();
}

const std::string& ZipArchive::comment() const {
  return file_->comment;
}

std::string ZipArchive::read(const std::string& name, std::uint64_t most) const {
  const ZipEntry& entry = file_->stored(name);
  file_->require_at_most(name, entry.size, most);
  std::string bytes(entry.size, '\0');
  read_into(name, bytes.data(), bytes.size());
  return bytes;
}

void ZipArchive::read_into(const std::string& name, void* memory, std::uint64_t size) const {
  const ZipEntry& entry = file_->stored(name);
  std::uint32_t crc = 0;
  read_pieces(name, memory, size, [&](std::string_view piece) {
    if (entry.crc != 0) crc = crc32(piece, crc);
  });
  if (entry.crc != 0 && crc != entry.crc) file_->refuse("its entry " + name + " is not what was written");
}

void ZipArchive::read_pieces(const std::string& name, void* memory, std::uint64_t size,
                             const std::function<void(std::string_view)>& see) const {
  const ZipEntry& entry = file_->stored(name);
  if (entry.size != size)
    file_->refuse("its entry " + name + " has " + std::to_string(entry.size) + " bytes instead of " +
                  std::to_string(size));
  auto* to = static_cast<char*>(memory);
  for (std::uint64_t done = 0; done < size; done += kPiece) {
    const auto count = std::min(kPiece, size - done);
    file_->bytes.read_into(entry.start + done, to + done, count);
    see({to + done, count});
  }
}

void ZipArchive::look_at(const std::string& name, const std::function<void(std::string_view)>& see) const {
  const ZipEntry& entry = entries().at(name);
  std::string piece;
  for (std::uint64_t done = 0; done < entry.size; done += piece.size()) {
    piece.resize(std::min(kPiece, entry.size - done));
    file_->bytes.read_into(entry.start + done, piece.data(), piece.size());
    see(piece);
  }
}

std::string ZipArchive::content(const std::string& name, std::uint64_t most) const {
  const auto found = entries().find(name);
  if (found == entries().end() || found->second.stored) return read(name, most);
  const ZipEntry& entry = found->second;
  file_->require_at_most(name, std::max(entry.size, entry.unpacked), std::min(most, kMostUnpacked));
  try {
    std::string bytes = inflated(file_->bytes.read(entry.start, entry.size), entry.unpacked);
    if (entry.crc != 0 && crc32(bytes) != entry.crc)
      throw std::runtime_error("its entry " + name + " is not what was written");
    return bytes;
  } catch (const std::runtime_error& error) {
    file_->refuse(error.what());
  }
}

}  // namespace res2clip
