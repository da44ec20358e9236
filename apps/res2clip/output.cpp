#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "res2clip/core/atomic_file.hpp"
#include "res2clip/core/error.hpp"

namespace res2clip::app {

void print(const std::string& line) {
  if (std::fprintf(stdout, "%s\n", line.c_str()) < 0 || std::fflush(stdout) != 0)
    throw runtime_error(std::string("standard output cannot be written: ") + std::strerror(errno));
}

void require_writable(const Path& folder) {
  AtomicFile probe(folder / "probe");  // never committed: nothing is left of it
  probe.write("probe");
}

}  // namespace res2clip::app
