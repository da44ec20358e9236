#pragma once

#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "res2clip/compute/stage_times.hpp"
#include "res2clip/compute/workers.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/image/options.hpp"
#include "res2clip/image/tiles.hpp"

namespace res2clip {

class ImageRemarks;

/// What a file gave beside the backbone's input.
struct ImageRead {
  std::string identity;  ///< SHA-256 of the bytes that were decoded; empty where nobody asks for it
  at::Tensor pixels;     ///< uint8 [H, W, 3] as in the file; undefined where nobody asks for them
  std::int64_t height = 0, width = 0;  ///< of the image in its file
  std::exception_ptr failure;          ///< why it could not be read; null: it was
};

/// Images, read and prepared.
struct ImageBatch {
  /// float32 [B * P, 3, S, S] on the CPU, the P inputs of an image (inputs_of(); 1 without tiles) one after
  /// the other; zero where an image could not be read
  at::Tensor input;
  std::vector<ImageRead> images;

  /// Throws the failure of the first image that has one.
  void require_whole() const;
  /// The inputs of the images that could be read: float32 [up to B * P, 3, S, S].
  at::Tensor whole_inputs() const;
};

/// A batch on its way.
class PendingBatch {
 public:
  /// To be called once. Waits for the files.
  ImageBatch wait();

 private:
  friend class BatchReader;
  at::Tensor input_;
  std::vector<std::future<ImageRead>> images_;
};

struct ReadingOptions {
  ImageOptions image;
  bool page_locked = false;  ///< the input lies in memory from which a GPU copies by itself
  bool identities = false;   ///< ImageRead::identity is wanted
  bool pixels = false;       ///< ImageRead::pixels are wanted
  std::size_t threads = 0;   ///< 0: as many as LibTorch's operators use
  std::shared_ptr<ImageRemarks> remarks =
      nullptr;                        ///< hears of each image that is decoded; null: nobody does
  std::optional<Tiling> tiling = {};  ///< images become several inputs each
};

/// Reads batches of images with threads of its own, each file once. The reference implementation is
/// prepare_images().
class BatchReader {
 public:
  explicit BatchReader(const ReadingOptions& options);

  /// Begins to read; the batch may be waited for at any time, also after others that were begun later.
  PendingBatch start(std::span<const Path> images);
  /// Reads at once.
  ImageBatch read(std::span<const Path> images) { return start(images).wait(); }

  std::size_t threads() const { return workers_->size(); }
  /// How long its threads have been at work, together.
  double busy_seconds() const { return busy_->seconds(); }

 private:
  ReadingOptions options_;
  std::unique_ptr<StageClock> busy_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace res2clip
