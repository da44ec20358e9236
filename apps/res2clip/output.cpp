#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "res2clip/core/atomic_file.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/terminal_text.hpp"

#include "file_set.hpp"

namespace res2clip::app {

void print(const std::string& line) {
  if (std::fprintf(stdout, "%s\n", line.c_str()) < 0 || std::fflush(stdout) != 0)
    throw runtime_error(std::string("standard output cannot be written: ") + std::strerror(errno));
}

void print_text(const std::string& line) {
  print(terminal_text(line));
}

void require_writable(const Path& folder) {
  AtomicFile probe(folder / "probe");  // never committed: nothing is left of it
  probe.write("probe");
}

void require_own_output(const Path& output, const std::vector<Path>& inputs) {
  FileSet read;
  for (const Path& input : inputs) read.add(input);
  if (read.contains(output))
    throw settings_error(output.string() +
                         ": is read by this command, which would replace it; name another --output");
  const Path folder = output.parent_path();
  require_writable(folder.empty() ? Path(".") : folder);
}

}  // namespace res2clip::app
