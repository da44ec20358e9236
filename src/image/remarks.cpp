#include "res2clip/image/remarks.hpp"

namespace res2clip {
namespace {

constexpr std::size_t kNamed = 3;

std::string images(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " image" : " images");
}

}  // namespace

void ImageRemarks::Kind::add(const std::string& name) {
  ++count;
  if (names.size() < kNamed) names.push_back(name);
}

std::string ImageRemarks::Kind::text() const {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text + (count > static_cast<std::int64_t>(names.size()) ? ", ..." : "");
}

void ImageRemarks::add(const Path& path, const DecodedImage& image) {
  const std::lock_guard lock(mutex_);
  ++images_;
  orientations_[image.orientation].add(path.string());
  if (image.more_frames) frames_.add(path.string());
  if (!image.doubt.empty()) doubts_.add(path.string() + " (" + image.doubt + ")");
}

std::vector<std::string> ImageRemarks::lines(const ReadOptions& options) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  if (orientations_.size() > 1 && !options.exif_rotation) {
    Kind turned;
    for (const auto& [orientation, kind] : orientations_)
      if (orientation != 1) {
        turned.count += kind.count;
        for (const std::string& name : kind.names)
          if (turned.names.size() < kNamed) turned.names.push_back(name);
      }
    lines.push_back("EXIF orientations differ: " + std::to_string(turned.count) + " of " + images(images_) +
                    " are stored turned (" + turned.text() +
                    ") and were read as they are stored; image.exif_rotation=true turns them upright");
  }
  if (frames_.count > 0)
    lines.push_back(images(frames_.count) + " with several frames or pages (" + frames_.text() +
                    "): only the first was read");
  if (doubts_.count > 0)
    lines.push_back(images(doubts_.count) + " may be damaged or read wrongly: " + doubts_.text());
  return lines;
}

}  // namespace res2clip
