#include "folder_watch.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "res2clip/core/error.hpp"
#include "res2clip/data/folders.hpp"

namespace res2clip::app {
namespace {

using std::chrono::milliseconds;

/// Programs that copy a file set its time once they closed it.
constexpr milliseconds kAfterClosing{100};
/// A program that made a file and does not write on for so long will not. (Of links nobody is told more.)
constexpr milliseconds kStalled{10'000};
/// What is away for so long is forgotten; before, it may be that a share was away.
constexpr std::chrono::hours kForgotten{1};
/// What is as old as this when the watch begins is not still being written.
constexpr std::chrono::seconds kLongUnchanged{10};

bool long_unchanged(const FileState& state) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return now - std::chrono::nanoseconds(state.modified) > kLongUnchanged;
}

}  // namespace

FileState state_of(const Path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  return {status.st_size, status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec,
          status.st_ino};
}

FolderWatch::FolderWatch(Path folder, const WatchOptions& options)
    : folder_(std::move(folder)),
      options_(options),
      descriptor_(options.ask_system ? ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1) {
  if (!std::filesystem::is_directory(folder_)) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw data_error(folder_.string() + ": is not a folder that can be watched");
  }
}

FolderWatch::~FolderWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FolderWatch::watch(const Path& folder) {
  if (descriptor_ < 0) return;
  const int number =
      ::inotify_add_watch(descriptor_, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
  if (number >= 0) watched_[number] = folder;  // otherwise polling finds its images
}

void FolderWatch::list(const std::function<void(const char*)>& trouble) {
  const auto now = Clock::now();
  try {
    if (!std::filesystem::is_directory(folder_))
      throw data_error(folder_.string() + ": is not there any more");
    // Watched before they are listed: what comes in between is told of.
    for (const Path& folder : options_.recursive ? folders_below(folder_) : std::vector<Path>{folder_}) {
      watch(folder);
      for (const Path& image : images_in(folder)) see(image, now);
    }
    in_trouble_ = false;
  } catch (const Error& error) {
    if (!in_trouble_ && trouble) trouble(error.what());
    in_trouble_ = true;
    return;
  }
  std::erase_if(seen_, [&](const auto& one) { return now - one.second.last > kForgotten; });
  created_.clear();
  closed_.clear();
  first_ = false;
}

void FolderWatch::see(const Path& image, Clock::time_point now) {
  const FileState state = state_of(image);
  const auto [at, is_new] = seen_.try_emplace(image, Seen{state, now});
  Seen& seen = at->second;
  if (!(seen.state == state)) {
    const bool before = !seen.given;  // of the version that it had not been whole in
    const bool closed = before && seen.closed && seen.state.bytes == state.bytes;  // its time was set
    seen = {.state = state, .since = now, .created = before && seen.created, .closed = closed};
  }
  seen.last = now;
  if (created_.contains(image)) seen.created = true;
  if (closed_.contains(image) || (is_new && first_ && long_unchanged(state))) seen.closed = true;
}

FolderWatch::Clock::time_point FolderWatch::whole_at(const Seen& seen) const {
  return seen.since + (seen.closed ? kAfterClosing : seen.created ? kStalled : options_.settle);
}

std::vector<Path> FolderWatch::take_whole() {
  const auto now = Clock::now();
  std::vector<std::pair<std::int64_t, Path>> found;
  for (auto& [image, seen] : seen_) {
    if (seen.given || seen.state.bytes < 0 || whole_at(seen) > now) continue;
    seen.given = true;
    found.emplace_back(seen.state.modified, image);
  }
  std::sort(found.begin(), found.end());
  std::vector<Path> images;
  for (auto& [modified, image] : found) images.push_back(std::move(image));
  return images;
}

void FolderWatch::take_events() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  for (;;) {
    const auto size = ::read(descriptor_, buffer.data(), buffer.size());
    if (size <= 0) return;
    for (std::ptrdiff_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      const auto folder = watched_.find(event.wd);
      if (folder != watched_.end() && event.len > 0)
        ((event.mask & IN_CREATE) != 0 ? created_ : closed_).insert(folder->second / name);
      at += static_cast<std::ptrdiff_t>(sizeof event + event.len);
    }
  }
}

void FolderWatch::wait() {
  const auto now = Clock::now();
  auto longest = options_.poll;
  for (const auto& [image, seen] : seen_) {
    if (seen.given || seen.state.bytes < 0) continue;
    const auto left = std::chrono::duration_cast<milliseconds>(whole_at(seen) - now);
    longest = std::clamp(left + milliseconds(1), milliseconds(1), longest);
  }
  pollfd waiting{descriptor_, POLLIN, 0};  // a descriptor below 0 is passed over
  ::poll(&waiting, 1, static_cast<int>(longest.count()));
  if (descriptor_ >= 0) take_events();
}

std::vector<Path> FolderWatch::next(const std::function<bool()>& stop,
                                    const std::function<void(const char*)>& trouble) {
  while (!stop()) {
    list(trouble);
    if (auto images = take_whole(); !images.empty()) return images;
    wait();
  }
  return {};
}

}  // namespace res2clip::app
