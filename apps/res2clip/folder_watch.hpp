#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip::app {

/// What tells one version of a file from the next.
struct FileState {
  std::int64_t bytes = -1;     ///< -1: there is no such file
  std::int64_t modified = 0;   ///< nanoseconds since 1970
  std::uint64_t identity = 0;  ///< the file's number on its disk

  bool operator==(const FileState&) const = default;
};
FileState state_of(const Path& file);

/// How a folder is watched.
struct WatchOptions {
  bool recursive = false;
  bool ask_system = true;  ///< to tell of changes (inotify)
  /// The folder is also listed this often: on network shares nobody tells of files that other machines write.
  std::chrono::milliseconds poll{1000};
  /// A file is whole once its writer closed it, or once it stayed the same for so long.
  std::chrono::milliseconds settle{2000};
};

/// The images that come into a folder, each once it is whole. A file that changes later is a new image.
class FolderWatch {
 public:
  /// Throws a data error if the folder cannot be listed.
  FolderWatch(Path folder, const WatchOptions& options);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Waits until there are images that it did not give before, and gives them, the oldest first. Nothing once
  /// `stop` says so. `trouble` hears if the folder cannot be listed any more; it is tried again.
  std::vector<Path> next(const std::function<bool()>& stop, const std::function<void(const char*)>& trouble);

  /// Whether the system tells of changes; if not, the folder is listed now and then.
  bool told() const { return descriptor_ >= 0; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Seen {
    FileState state;
    Clock::time_point since;      // when it was first seen like this
    Clock::time_point last = {};  // when it was last there
    bool created = false;         // by a program that will close it
    bool closed = false;          // its writer is done
    bool given = false;
  };

  void list(const std::function<void(const char*)>& trouble);
  void see(const Path& image, Clock::time_point now);
  Clock::time_point whole_at(const Seen& seen) const;
  std::vector<Path> take_whole();
  void watch(const Path& folder);
  void wait();
  void take_events();

  Path folder_;
  WatchOptions options_;
  int descriptor_ = -1;
  std::map<int, Path> watched_;      // by the system's number
  std::set<Path> created_, closed_;  // since the last listing
  std::map<Path, Seen> seen_;
  bool first_ = true, in_trouble_ = false;
};

}  // namespace res2clip::app
