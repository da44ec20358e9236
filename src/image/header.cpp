#include "header.hpp"

#include <cstdlib>

namespace res2clip {
namespace {

/// OpenCV refuses images with a longer edge.
constexpr std::int64_t kLongestEdge = 1 << 20;

void check_size(const ImageHeader& header) {
  if (header.width <= 0 || header.height <= 0) throw HeaderFault{"has no pixels"};
  if (header.width > kLongestEdge || header.height > kLongestEdge ||
      header.width * header.height > kLargestImage)
    throw HeaderFault{"has " + std::to_string(header.width) + " x " + std::to_string(header.height) +
                      " pixels, more than the " + std::to_string(kLargestImage) +
                      " allowed; make it smaller"};
}

ImageHeader read_by_signature(std::string_view bytes) {
  if (bytes.empty()) throw HeaderFault{"is empty"};
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return read_png_header(bytes);
  if (bytes.starts_with("\xff\xd8\xff")) return read_jpeg_header(bytes);
  if (bytes.starts_with("BM")) return read_bmp_header(bytes);
  if (bytes.starts_with(std::string_view("II*\0", 4)) || bytes.starts_with(std::string_view("MM\0*", 4)))
    return read_tiff_header(bytes);
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return read_webp_header(bytes);
  throw HeaderFault{"is not an image in a format known here (PNG, JPEG, BMP, TIFF or WebP)"};
}

}  // namespace

std::uint64_t ByteReader::number(std::uint64_t offset, int size) const {
  const std::string_view field = text(offset, static_cast<std::uint64_t>(size));
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    const auto byte =
        static_cast<unsigned char>(field[static_cast<std::size_t>(big_endian_ ? i : size - 1 - i)]);
    value = value << 8 | byte;
  }
  return value;
}

std::string_view ByteReader::text(std::uint64_t offset, std::uint64_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) throw HeaderFault{"is truncated"};
  return bytes_.substr(offset, size);
}

ImageHeader read_header(std::string_view bytes) {
  ImageHeader header = read_by_signature(bytes);
  check_size(header);
  return header;
}

ImageHeader read_bmp_header(std::string_view bytes) {
  const ByteReader reader(bytes, false);
  const std::uint32_t pixels_at = reader.u32(10);
  const std::uint32_t header_size = reader.u32(14);
  if (header_size < 40) throw HeaderFault{"is a BMP of a kind not read here (OS/2)"};
  ImageHeader header;
  header.width = static_cast<std::int32_t>(reader.u32(18));
  header.height = std::llabs(static_cast<std::int32_t>(reader.u32(22)));
  check_size(header);
  const std::uint32_t depth = reader.u16(28);
  const std::uint32_t compression = reader.u32(30);
  constexpr std::uint32_t kPlain = 0, kMasks = 3;
  if (reader.u32(46) > 256) throw HeaderFault{"is damaged: its palette is too long"};
  if (depth == 8 && compression == kPlain) {
    // A palette that counts from black to white is Pillow's mode L, any other its mode P.
    const std::uint32_t colours = reader.u32(46) == 0 ? 256 : reader.u32(46);
    bool ramp = colours > 2;
    for (std::uint32_t i = 0; ramp && i < colours && i < 256; ++i)
      ramp = (reader.u32(14 + header_size + 4 * i) & 0xFFFFFF) == i * 0x010101;
    header.mode = ramp ? PixelMode::direct : PixelMode::indexed;
  } else if ((depth == 1 || depth == 4) && compression == kPlain) {
    header.mode = PixelMode::indexed;
  } else if (depth == 32 && compression == kMasks) {
    if (reader.u32(54) != 0xFF0000 || reader.u32(58) != 0xFF00 || reader.u32(62) != 0xFF)
      throw HeaderFault{"is a BMP of a kind not read here (unusual colour masks); convert it to PNG"};
    if (header_size >= 56 && reader.u32(66) != 0) header.mode = PixelMode::alpha;
  } else if ((depth != 24 && depth != 32) || compression != kPlain) {
    throw HeaderFault{"is a BMP of a kind not read here (" + std::to_string(depth) + " bits, compression " +
                      std::to_string(compression) + "); convert it to PNG"};
  }
  const auto row = (static_cast<std::uint64_t>(header.width) * depth + 31) / 32 * 4;
  reader.text(pixels_at, row * static_cast<std::uint64_t>(header.height));
  return header;
}

ImageHeader read_webp_header(std::string_view bytes) {
  const ByteReader reader(bytes, false);
  reader.text(8, reader.u32(4));  // the size that the container claims
  const std::string_view kind = reader.text(12, 4);
  ImageHeader header;
  if (kind == "VP8 ") {
    header.width = reader.u16(26) & 0x3FFF;
    header.height = reader.u16(28) & 0x3FFF;
  } else if (kind == "VP8L") {
    const std::uint32_t packed = reader.u32(21);
    header.width = (packed & 0x3FFF) + 1;
    header.height = (packed >> 14 & 0x3FFF) + 1;
    if ((packed >> 28 & 1) != 0) header.mode = PixelMode::alpha;
  } else if (kind == "VP8X") {
    constexpr std::uint32_t kAnimated = 0x02, kAlpha = 0x10;
    const std::uint32_t flags = reader.u8(20);
    if ((flags & kAnimated) != 0) throw HeaderFault{"is an animation; save one frame of it"};
    if ((flags & kAlpha) != 0) header.mode = PixelMode::alpha;
    header.width = static_cast<std::int64_t>(reader.number(24, 3)) + 1;
    header.height = static_cast<std::int64_t>(reader.number(27, 3)) + 1;
  } else {
    throw HeaderFault{"is a WebP file without an image"};
  }
  return header;
}

}  // namespace res2clip
