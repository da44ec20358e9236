#include "header.hpp"

namespace res2clip {
namespace {

constexpr std::uint32_t kStartOfScan = 0xDA, kEndOfImage = 0xD9, kRestart0 = 0xD0, kRestart7 = 0xD7,
                        kTemporary = 0x01;

/// SOF0 .. SOF15 without the tables that share their numbers.
bool is_frame(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// The next marker in entropy-coded data from `at`; restart markers and stuffed zeros belong to the data.
std::uint64_t end_of_scan(const ByteReader& reader, std::string_view bytes, std::uint64_t at) {
  for (;;) {
    at = bytes.find('\xff', at);
    if (at == std::string_view::npos) throw HeaderFault{"is truncated"};
    const std::uint32_t next = reader.u8(at + 1);
    if (next != 0 && next != 0xFF && (next < kRestart0 || next > kRestart7)) return at;
    at += next == 0xFF ? 1 : 2;
  }
}

}  // namespace

// Walks all segments up to the end marker: libjpeg itself fills what a truncated file lacks with grey.
ImageHeader read_jpeg_header(std::string_view bytes) {
  const ByteReader reader(bytes, true);
  ImageHeader header;
  std::uint64_t at = 2;
  for (;;) {
    if (reader.u8(at) != 0xFF) {  // bytes between segments: decoders skip them
      at = end_of_scan(reader, bytes, at);
      continue;
    }
    const std::uint32_t marker = reader.u8(at + 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker == kEndOfImage) break;
    if (marker == kTemporary || (marker >= kRestart0 && marker <= kRestart7)) {
      at += 2;
      continue;
    }
    const std::uint64_t size = reader.u16(at + 2);
    if (size < 2) throw HeaderFault{"is damaged: a JPEG segment has no length"};
    reader.text(at + 2, size);
    if (is_frame(marker)) {
      const std::uint32_t depth = reader.u8(at + 4);
      const std::uint32_t components = reader.u8(at + 9);
      header.height = reader.u16(at + 5);
      header.width = reader.u16(at + 7);
      if (depth != 8)
        throw HeaderFault{"is a JPEG with " + std::to_string(depth) + " bits; convert it to 8 bits"};
      if (components == 4) throw HeaderFault{"is a CMYK JPEG; convert it to RGB"};
      if (components != 1 && components != 3)
        throw HeaderFault{"is a JPEG with " + std::to_string(components) +
                          " colour components; convert it to RGB"};
    }
    at += 2 + size;
    if (marker == kStartOfScan) at = end_of_scan(reader, bytes, at);
  }
  return header;
}

}  // namespace res2clip
