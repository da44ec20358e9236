#include "res2clip/torch_files/crc32.hpp"

#include "header.hpp"

namespace res2clip {
namespace {

/// Bit depth and colour type of IHDR, as Pillow's modes see them.
PixelMode png_mode(std::uint32_t depth, std::uint32_t colour) {
  switch (colour) {
    case 0:
      return depth == 1 ? PixelMode::indexed : PixelMode::direct;
    case 2:
      return PixelMode::direct;
    case 3:
      return PixelMode::indexed;
    case 4:
    case 6:
      return PixelMode::alpha;
    default:
      throw HeaderFault{"is damaged: its PNG colour type is " + std::to_string(colour)};
  }
}

}  // namespace

// Transparency, colour profiles, text and the like do not change what Pillow decodes to RGB, so only the
// critical chunks are handed on: libpng then has nothing to warn of. Their checksums are verified here, so
// that a damaged file is an error with the file's name.
ImageHeader read_png_header(std::string_view bytes) {
  constexpr std::size_t kSignature = 8, kFrame = 12;  // of a chunk: length, name, checksum
  const ByteReader reader(bytes, true);
  ImageHeader header;
  header.pixels.reserve(bytes.size());
  header.pixels = bytes.substr(0, kSignature);
  bool palette = false, data = false, needs_palette = false;
  for (std::uint64_t at = kSignature;;) {
    const std::uint64_t size = reader.u32(at);
    const std::string_view chunk = reader.text(at, size + kFrame);
    const std::string_view name = chunk.substr(4, 4);
    if (at == kSignature && name != "IHDR")
      throw HeaderFault{"is damaged: it does not begin with a PNG header"};
    if (name == "IHDR" || name == "PLTE" || name == "IDAT" || name == "IEND") {
      if (crc32(chunk.substr(4, size + 4)) != reader.u32(at + 8 + size))
        throw HeaderFault{"is damaged: the checksum of its " + std::string(name) + " chunk is wrong"};
      header.pixels += chunk;
    }
    if (name == "IHDR") {
      header.width = reader.u32(at + 8);
      header.height = reader.u32(at + 12);
      header.mode = png_mode(reader.u8(at + 16), reader.u8(at + 17));
      needs_palette = reader.u8(at + 17) == 3;
    }
    palette |= name == "PLTE";
    data |= name == "IDAT";
    if (name == "IEND") break;
    at += size + kFrame;
  }
  if (!data || (needs_palette && !palette))
    throw HeaderFault{"is damaged: the PNG has no pixels or no palette"};
  return header;
}

}  // namespace res2clip
