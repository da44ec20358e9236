#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "res2clip/image/read.hpp"

namespace res2clip {

/// What the images of a run bring up that is not an error but may make results wrong: counted while they are
/// read, and told once at the end. Any thread may add.
class ImageRemarks {
 public:
  void add(const Path& path, const DecodedImage& image);

  /// One line for each kind of remark, with the number of images and the first names: EXIF orientations that
  /// differ between images (unless `options` turn them upright), files of several frames or pages, files that
  /// the decoder doubts. Empty: nothing to tell.
  std::vector<std::string> lines(const ReadOptions& options) const;

 private:
  struct Kind {
    std::int64_t count = 0;
    std::vector<std::string> names;  // the first few
    void add(const std::string& name);
    std::string text() const;
  };

  mutable std::mutex mutex_;
  std::int64_t images_ = 0;
  std::map<int, Kind> orientations_;
  Kind frames_, doubts_;
};

}  // namespace res2clip
