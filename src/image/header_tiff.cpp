#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "header.hpp"

namespace res2clip {
namespace {

enum Tag : std::uint32_t {
  kWidth = 256,
  kHeight = 257,
  kBits = 258,
  kPhotometric = 262,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamples = 277,
  kStripSizes = 279,
  kTileOffsets = 324,
  kTileSizes = 325,
  kSampleFormat = 339,
};

using Tags = std::map<std::uint32_t, std::vector<std::uint32_t>>;

/// The number-valued tags of the first image.
Tags read_tags(std::string_view bytes) {
  const ByteReader reader(bytes, bytes[0] == 'M');
  const std::uint64_t directory = reader.u32(4);
  const std::uint32_t count = reader.u16(directory);
  Tags tags;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t entry = directory + 2 + 12ull * i;
    const std::uint32_t type = reader.u16(entry + 2);
    const std::uint64_t elements = reader.u32(entry + 4);
    constexpr std::uint32_t kShort = 3, kLong = 4;
    const std::uint32_t tag = reader.u16(entry);
    if ((type != kShort && type != kLong) || tag < kWidth || tag > kSampleFormat || tags.contains(tag))
      continue;
    const int size = type == kShort ? 2 : 4;
    const std::uint64_t at =
        elements * static_cast<std::uint64_t>(size) <= 4 ? entry + 8 : reader.u32(entry + 8);
    reader.text(at, elements * static_cast<std::uint64_t>(size));  // bounds the loop below
    auto& values = tags[tag];
    for (std::uint64_t k = 0; k < elements; ++k)
      values.push_back(
          static_cast<std::uint32_t>(reader.number(at + k * static_cast<std::uint64_t>(size), size)));
  }
  return tags;
}

/// Pixel data must lie inside the file: libtiff would say so on standard error.
void check_strips(std::string_view bytes, const Tags& tags) {
  const ByteReader reader(bytes, false);
  for (const auto& [offsets, sizes] :
       {std::pair{kStripOffsets, kStripSizes}, std::pair{kTileOffsets, kTileSizes}}) {
    if (!tags.contains(offsets) || !tags.contains(sizes)) continue;
    const auto &starts = tags.at(offsets), &lengths = tags.at(sizes);
    for (std::size_t i = 0; i < std::min(starts.size(), lengths.size()); ++i)
      reader.text(starts[i], lengths[i]);
  }
}

}  // namespace

ImageHeader read_tiff_header(std::string_view bytes) {
  const Tags tags = read_tags(bytes);
  const auto value = [&](Tag tag, std::uint32_t otherwise) {
    const auto found = tags.find(tag);
    return found == tags.end() || found->second.empty() ? otherwise : found->second[0];
  };
  check_strips(bytes, tags);
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
                          (samples == 3 && photometric == kRgb && bits == 8));
  if (!read_here)
    throw HeaderFault{"is a TIFF of a kind not read here (" + std::to_string(samples) + " samples of " +
                      std::to_string(bits) + " bits, photometric " + std::to_string(photometric) +
                      "; upright grey, RGB and palette images of 8 bits are); convert it to PNG"};
  if (bits == 1 || photometric == kPalette) header.mode = PixelMode::indexed;
  return header;
}

}  // namespace res2clip
