#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// An entry of a zip archive: its bytes lie in the file as they are (`stored`), or are compressed.
struct ZipEntry {
  std::uint64_t start = 0;  ///< of the bytes in the file
  std::uint64_t size = 0;   ///< in the file
  std::uint32_t crc = 0;  ///< CRC-32; 0: written without one (`torch.serialization.set_crc32_options(False)`)
  bool stored = true;
  std::uint64_t unpacked = 0;  ///< bytes of what is in it
};

/// The directory of a zip archive, and the bytes of its entries. PyTorch compresses nothing but code; that
/// alone is unpacked, to be compared. The file stays open, so that all that is read is of one file.
class ZipArchive {
 public:
  /// Reads the directory. Throws a data error that names the file: absent, not a zip, cut off, encrypted, or
  /// with entries that are named twice, lie outside the file, or share bytes.
  explicit ZipArchive(const Path& path);
  ~ZipArchive();
  ZipArchive(ZipArchive&&) noexcept;
  ZipArchive& operator=(ZipArchive&&) noexcept;

  const std::map<std::string, ZipEntry>& entries() const;
  const Path& path() const;
  std::uint64_t size() const;  ///< of the file
  /// The text behind the directory.
  const std::string& comment() const;
  bool contains(const std::string& name) const { return entries().contains(name); }

  /// The bytes of an entry. Throws a data error for an entry that is absent, compressed, larger than `most`,
  /// or not what its CRC says.
  std::string read(const std::string& name, std::uint64_t most) const;
  /// The same into memory of `size` bytes, which must be the entry's size.
  void read_into(const std::string& name, void* memory, std::uint64_t size) const;
  /// Reads an entry into memory of its size and hands over its bytes piece by piece while they are near. For
  /// callers with a check of their own: the CRC is not compared. Several threads may read at a time.
  void read_pieces(const std::string& name, void* memory, std::uint64_t size,
                   const std::function<void(std::string_view)>& see) const;
  /// The same of an entry's bytes as they lie in the file, compressed or not, without keeping them.
  void look_at(const std::string& name, const std::function<void(std::string_view)>& see) const;
  /// The content of an entry, unpacked if it is compressed; the same errors.
  std::string content(const std::string& name, std::uint64_t most) const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace res2clip
