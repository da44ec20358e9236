#include "line_file.hpp"

#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"

namespace res2clip {
namespace {

std::string lines_before(const Path& path, std::int64_t next_step) {
  std::error_code ignored;
  if (next_step == 0 || !std::filesystem::exists(path, ignored)) return {};
  std::istringstream lines(read_file(path));
  std::string kept, line;
  while (std::getline(lines, line)) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto step = json.is_object() ? json.find("step") : json.end();
    if (step == json.end() || !step->is_number_integer()) continue;  // cut off by the kill
    if (step->get<std::int64_t>() < next_step) kept += line + "\n";
  }
  return kept;
}

}  // namespace

LineFile::LineFile(Path path, std::int64_t next_step) : path_(std::move(path)) {
  write_file(path_, lines_before(path_, next_step));
  stream_.open(path_, std::ios::binary | std::ios::app);
}

void LineFile::add(const std::string& line) {
  stream_ << line << '\n' << std::flush;
  if (!stream_) throw runtime_error(path_.string() + ": cannot be written; is the disk full?");
}

}  // namespace res2clip
