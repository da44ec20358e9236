#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// What fits into no memory anyway.
inline constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 40;

/// All bytes of a file. Throws a data error that names the path if it cannot be read, if it holds more than
/// `most` bytes, or if it is neither a file nor a pipe and does not end (a device).
std::string read_file(const Path& path, std::uint64_t most = kLargestFile);

/// Writes bytes through an AtomicFile (atomic_file.hpp).
void write_file(const Path& path, std::string_view bytes);

/// Flushes the bytes of an open file to disk. False, with errno set, if that failed; a file system that does
/// not support it counts as done, since nothing better is to be had there.
bool flush_to_disk(int descriptor) noexcept;

/// SHA-256 in lower-case hexadecimal, of bytes and of a file (read in pieces). Throws a data error where the
/// file cannot be read.
std::string sha256(std::string_view bytes);
std::string sha256_of_file(const Path& path);

}  // namespace res2clip
