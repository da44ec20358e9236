#include "line_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"

namespace res2clip {
namespace {

/// The lines of steps 0 to next_step - 1. They stand in order, each once: a file is only ever cut and added
/// to.
std::string lines_before(const Path& path, std::int64_t next_step) {
  if (next_step == 0) return {};
  std::error_code ignored;
  std::istringstream lines(std::filesystem::exists(path, ignored) ? read_file(path) : std::string());
  std::string kept, line;
  std::int64_t count = 0;
  while (count < next_step && std::getline(lines, line)) {
    const auto json = parse_bounded(line);
    const auto step = json.is_object() ? json.find("step") : json.end();
    if (step == json.end() || *step != count) break;
    kept += line + "\n";
    ++count;
  }
  if (count < next_step)
    throw data_error(path.string() + ": lacks step " + std::to_string(count) +
                     ", but the training to be resumed has done " + std::to_string(next_step) +
                     " steps; put the whole file back, or start anew without --resume");
  return kept;
}

}  // namespace

void require_lines_before(const Path& path, std::int64_t next_step) {
  lines_before(path, next_step);
}

LineFile::LineFile(Path path, std::int64_t next_step) : path_(std::move(path)) {
  write_file(path_, lines_before(path_, next_step));
  stream_.open(path_, std::ios::binary | std::ios::app);
}

void LineFile::add(const std::string& line) {
  stream_ << line << '\n' << std::flush;
  if (!stream_) throw runtime_error(path_.string() + ": cannot be written; is the disk full?");
}

void LineFile::flush_to_disk() const {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool flushed = file >= 0 && res2clip::flush_to_disk(file);
  const int reason = errno;
  if (file >= 0) ::close(file);
  if (!flushed) throw runtime_error(path_.string() + ": cannot be flushed to disk: " + std::strerror(reason));
}

}  // namespace res2clip
