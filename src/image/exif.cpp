#include "exif.hpp"

#include "byte_reader.hpp"

namespace res2clip {

int exif_orientation(std::string_view exif) {
  constexpr std::uint32_t kOrientation = 0x112, kShort = 3;
  if (!exif.starts_with("II") && !exif.starts_with("MM")) return 1;
  try {
    const ByteReader reader(exif, exif[0] == 'M');
    const std::uint64_t directory = reader.u32(4);
    const std::uint32_t entries = reader.u16(directory);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::uint64_t entry = directory + 2 + 12ull * i;
      if (reader.u16(entry) != kOrientation || reader.u16(entry + 2) != kShort) continue;
      const std::uint32_t value = reader.u16(entry + 8);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
  } catch (const ImageFault&) {  // damaged EXIF leaves the image itself readable
  }
  return 1;
}

}  // namespace res2clip
