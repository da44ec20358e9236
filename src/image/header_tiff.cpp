#include <map>

#include "header.hpp"

namespace res2clip {
namespace {

enum Tag : std::uint32_t {
  kWidth = 256,
  kHeight = 257,
  kBits = 258,
  kPhotometric = 262,
  kOrientation = 274,
  kSamples = 277,
  kSampleFormat = 339,
};

/// The first value of each number-valued tag of the first image.
std::map<std::uint32_t, std::uint32_t> first_values(std::string_view bytes) {
  const ByteReader reader(bytes, bytes[0] == 'M');
  const std::uint64_t directory = reader.u32(4);
  const std::uint32_t count = reader.u16(directory);
  std::map<std::uint32_t, std::uint32_t> values;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t entry = directory + 2 + 12ull * i;
    const std::uint32_t type = reader.u16(entry + 2);
    const std::uint64_t elements = reader.u32(entry + 4);
    constexpr std::uint32_t kShort = 3, kLong = 4;
    if (type != kShort && type != kLong) continue;
    const int size = type == kShort ? 2 : 4;
    const std::uint64_t at =
        elements * static_cast<std::uint64_t>(size) <= 4 ? entry + 8 : reader.u32(entry + 8);
    values[reader.u16(entry)] = static_cast<std::uint32_t>(reader.number(at, size));
  }
  return values;
}

}  // namespace

ImageHeader read_tiff_header(std::string_view bytes) {
  const auto values = first_values(bytes);
  const auto value = [&](Tag tag, std::uint32_t otherwise) {
    const auto found = values.find(tag);
    return found == values.end() ? otherwise : found->second;
  };
  ImageHeader header;
  header.width = value(kWidth, 0);
  header.height = value(kHeight, 0);
  const std::uint32_t bits = value(kBits, 1), samples = value(kSamples, 1),
                      photometric = value(kPhotometric, 1);
  constexpr std::uint32_t kGreyInverted = 0, kGrey = 1, kRgb = 2, kPalette = 3;
  const bool grey = samples == 1 && (photometric == kGrey || photometric == kGreyInverted);
  const bool read_here = value(kSampleFormat, 1) == 1 && value(kOrientation, 1) == 1 &&
                         ((grey && (bits == 1 || bits == 8 || (bits == 16 && photometric == kGrey))) ||
                          (samples == 1 && photometric == kPalette && bits == 8) ||
                          ((samples == 3 || samples == 4) && photometric == kRgb && bits == 8));
  if (!read_here)
    throw HeaderFault{"is a TIFF of a kind not read here (" + std::to_string(samples) + " samples of " +
                      std::to_string(bits) + " bits, photometric " + std::to_string(photometric) +
                      "; upright grey, RGB, RGBA and palette images of 8 bits are); convert it to PNG"};
  if (bits == 1 || photometric == kPalette) header.mode = PixelMode::indexed;
  if (samples == 4) header.mode = PixelMode::alpha;
  return header;
}

}  // namespace res2clip
