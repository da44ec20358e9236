#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"
#include "res2clip/image/read_options.hpp"
#include "res2clip/processes/communicator.hpp"

namespace res2clip {

/// The identities of images: the SHA-256 of their files' bytes. So a store outlives moved and touched files,
/// notices changed ones (size and time stamps can lie), and holds equal images once.
///
/// Each file is read once however often it is asked for, and that reading is also the check of
/// require_whole_images().
class ImageIdentities {
 public:
  ImageIdentities() = default;
  /// `reading`: how images will be decoded.
  explicit ImageIdentities(const ReadOptions& reading) : reading_(reading) {}

  /// Throws the data error of require_whole_images().
  std::vector<std::string> of(std::span<const Path> images);

  /// The same, each process of the job reading its share of the files. All must ask for the same images, and
  /// all throw where any finds a fault.
  std::vector<std::string> of(std::span<const Path> images, Communicator& processes);

 private:
  std::vector<Path> unknown(std::span<const Path> images) const;
  std::vector<std::string> known(std::span<const Path> images) const;

  ReadOptions reading_{};
  std::map<Path, std::string> known_;
};

}  // namespace res2clip
