#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "res2clip/image/read.hpp"

namespace res2clip {

/// What is wrong with the bytes of an image; whoever knows the path makes an Error of it.
struct HeaderFault {
  std::string what;
};

/// What the first bytes of an image file say, read before anything is decoded.
struct ImageHeader {
  std::int64_t width = 0;
  std::int64_t height = 0;
  PixelMode mode = PixelMode::direct;
  std::string
      pixels;  ///< PNG only: the file without its ancillary chunks, which is all the decoder gets to see
};

/// Finds the format by its signature, checks that the file is whole, and reads size and pixel mode.
/// Throws HeaderFault for anything that cannot or must not be decoded.
ImageHeader read_header(std::string_view bytes);

// One per format; `bytes` begin with its signature.
ImageHeader read_png_header(std::string_view bytes);
ImageHeader read_jpeg_header(std::string_view bytes);
ImageHeader read_bmp_header(std::string_view bytes);
ImageHeader read_tiff_header(std::string_view bytes);
ImageHeader read_webp_header(std::string_view bytes);

/// Reads numbers out of a file's bytes; reading past the end is a HeaderFault "is truncated".
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::uint64_t number(std::uint64_t offset, int size) const;
  std::uint32_t u8(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 1)); }
  std::uint32_t u16(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 2)); }
  std::uint32_t u32(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 4)); }
  std::string_view text(std::uint64_t offset, std::uint64_t size) const;

 private:
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace res2clip
