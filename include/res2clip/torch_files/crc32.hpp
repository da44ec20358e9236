#pragma once

#include <cstdint>
#include <string_view>

namespace res2clip {

/// CRC-32 of PNG, zip and zlib (polynomial 0xEDB88320). `seed` continues from the value of the bytes before.
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace res2clip
