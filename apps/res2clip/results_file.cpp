#include "results_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "res2clip/core/bounded_json.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/html.hpp"
#include "res2clip/core/json_text.hpp"

namespace res2clip::app {
namespace {

using Json = nlohmann::ordered_json;

/// How each line begins.
constexpr std::string_view kBeginning = R"({"path":")";

/// The whole path as JSON can hold it.
std::string name_in_results(const Path& image) {
  const Path whole = std::filesystem::absolute(image).lexically_normal();
  return valid_text(whole.string());
}

Error of_another_kind(const Path& path, std::size_t line) {
  return data_error(path.string() + ": line " + std::to_string(line) +
                    " is not a record of `res2clip infer --results`; name another file");
}

}  // namespace

ResultsFile::ResultsFile(Path path, bool go_on, std::string bank)
    : path_(std::move(path)), bank_(std::move(bank)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const auto fail = [&](const Error& error) {
    if (descriptor_ >= 0) ::close(descriptor_);
    return error;
  };
  if (descriptor_ < 0)
    throw runtime_error(path_.string() + ": the results cannot be written: " + std::strerror(errno));
  // File systems that know no locks give other errors: there a user has to take care.
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw fail(
        settings_error(path_.string() + ": another process writes its results there; name another file"));
  if (state_of(path_).bytes == 0) return;
  if (!go_on)
    throw fail(settings_error(path_.string() +
                              ": is there already; --skip-done goes on with it, or name another file"));
  try {
    read();
  } catch (const Error& error) {
    throw fail(error);
  }
}

ResultsFile::~ResultsFile() {
  ::close(descriptor_);
}

void ResultsFile::read() {
  const std::string text = read_file(path_);
  std::size_t begin = 0, number = 1;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    take_line(text.substr(begin, end - begin), number++);
  const std::string_view rest = std::string_view(text).substr(begin);
  if (rest.empty()) return;
  const auto shared = std::min(rest.size(), kBeginning.size());
  if (rest.substr(0, shared) != kBeginning.substr(0, shared)) throw of_another_kind(path_, number);
  if (::ftruncate(descriptor_, static_cast<off_t>(begin)) != 0)
    throw runtime_error(path_.string() + ": the results cannot be written: " + std::strerror(errno));
  mended_ = true;
}

void ResultsFile::take_line(const std::string& line, std::size_t number) {
  const Json record = parse_bounded<Json>(line, {.values = 1'000'000});
  if (!record.is_object() || !record.contains("path") || !record["path"].is_string() ||
      !record.contains("bytes") || !record["bytes"].is_number_integer() || !record.contains("modified") ||
      !record["modified"].is_number_integer() || !record.contains("bank"))
    throw of_another_kind(path_, number);
  if (record["bank"] != bank_)
    throw settings_error(path_.string() + ": line " + std::to_string(number) +
                         " is of another bank; name another file for the results of this one");
  done_.emplace(record["path"].get<std::string>(), record["bytes"].get<std::int64_t>(),
                record["modified"].get<std::int64_t>());
}

ResultsFile::Key ResultsFile::key_of(const Path& image, const FileState& state) {
  return {name_in_results(image), state.bytes, state.modified};
}

bool ResultsFile::has(const Path& image, const FileState& state) const {
  return done_.contains(key_of(image, state));
}

void ResultsFile::add(const Path& image, const FileState& state, Json record) {
  record["path"] = std::filesystem::absolute(image).lexically_normal().string();
  record["bytes"] = state.bytes;
  record["modified"] = state.modified;
  record["bank"] = bank_;
  const std::string line = json_text(record) + "\n";
  for (std::string_view rest = line; !rest.empty();) {
    const auto put = ::write(descriptor_, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0)
      throw runtime_error(path_.string() + ": the results cannot be written: " + std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  if (!flush_to_disk(descriptor_))
    throw runtime_error(path_.string() + ": the results cannot be flushed to disk: " + std::strerror(errno));
  done_.insert(key_of(image, state));
}

}  // namespace res2clip::app
