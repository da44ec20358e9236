#pragma once

#include <cstdint>
#include <string_view>

#include "raster.hpp"

namespace res2clip {

/// Reads numbers out of a file's bytes; reading past the end is an ImageFault "is truncated".
class ByteReader {
 public:
  ByteReader(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::uint64_t number(std::uint64_t offset, int size) const {
    const std::string_view field = text(offset, static_cast<std::uint64_t>(size));
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i)
      value = value << 8 |
              static_cast<unsigned char>(field[static_cast<std::size_t>(big_endian_ ? i : size - 1 - i)]);
    return value;
  }
  std::uint32_t u8(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 1)); }
  std::uint32_t u16(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 2)); }
  std::uint32_t u32(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 4)); }

  std::string_view text(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) throw ImageFault{"is truncated"};
    return bytes_.substr(offset, size);
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace res2clip
