#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip::fuzz {

/// A folder of this process in memory.
inline const Path& folder() {
  static const Path own = [] {
    const Path made = Path("/dev/shm") / ("res2clip-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(made);
    std::atexit([] { std::filesystem::remove_all(folder()); });
    return made;
  }();
  return own;
}

/// A file of that folder with these bytes; not by way of the disk, as write_file() goes.
inline Path file(const char* name, std::string_view bytes) {
  const Path path = folder() / name;
  std::FILE* stream = std::fopen(path.c_str(), "wb");
  if (stream == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), stream) != bytes.size()) std::abort();
  std::fclose(stream);
  return path;
}

/// Reads. What a file may lead to is a result, or an Error of one line; any other exception is a finding.
template <class Read>
int read_or_refuse(const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::runtime) throw;
  }
  return 0;
}

}  // namespace res2clip::fuzz

/// What libFuzzer calls with each input.
#define RES2CLIP_FUZZ(bytes)                                                          \
  static int examine(std::string_view bytes);                                         \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    return examine({reinterpret_cast<const char*>(data), size});                      \
  }                                                                                   \
  static int examine(std::string_view bytes)
