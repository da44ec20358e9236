#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip::app {

void print(const std::string& line) {
  if (std::fprintf(stdout, "%s\n", line.c_str()) < 0 || std::fflush(stdout) != 0)
    throw runtime_error(std::string("standard output cannot be written: ") + std::strerror(errno));
}

void require_writable(const Path& folder) {
  const AtomicFile probe(folder / "probe");  // never committed: nothing is left of it
  std::ofstream stream(probe.temporary(), std::ios::binary);
  stream << "probe" << std::flush;
  if (!stream)
    throw runtime_error(folder.string() + ": no file can be written in this folder: " + std::strerror(errno));
}

}  // namespace res2clip::app
