#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "res2clip/clip/features.hpp"
#include "res2clip/core/path.hpp"
#include "res2clip/features/options.hpp"

namespace res2clip {

/// Everything on which stored features depend besides the image itself. A store holds the features of one
/// such description and serves no other, but for the layers: it serves any of those that it holds.
struct StoreDescription {
  std::string dataset;   ///< its name, for people; data sets of other names may not share a store
  std::string backbone;  ///< checksum of the backbone
  std::int64_t image_size = 0;
  std::vector<int> layers;  ///< blocks, from 1
  std::int64_t embed = 0;   ///< D
  Grid grid;                ///< N patches
  StoredAs stored_as = StoredAs::float32;
  std::string encoding;  ///< whatever else changes features: precision, order of resize and conversion, ...

  bool operator==(const StoreDescription&) const = default;
};

/// Bytes on disk of the features of `images` different images.
std::uint64_t predicted_bytes(const StoreDescription& description, std::int64_t images);

/// Free bytes of the file system that holds a folder; replaced in tests.
using FreeSpace = std::function<std::uint64_t(const Path&)>;
std::uint64_t free_bytes(const Path& folder);

/// Features of images on disk: written once, read many times, by several processes at once.
///
/// A folder with `store.json` (the description), `features.bin` (records of equal size) and `index.log`, to
/// which an entry (identity, record, checksums) is appended only after its record has reached the disk. A
/// process killed at any time leaves a valid store; a later run continues from the images already stored.
/// Processes that write the same store take turns through a lock on the index.
///
/// Records are read one at a time and verified at each reading: memory in use is that of the features. A
/// store that may not be written (another's folder, a disk mounted read-only) can be read all the same.
class FeatureStore {
 public:
  /// Opens the store in `folder`, or makes one. A store that is there may hold more layers than
  /// `description` names; read() then gives those named alone. Throws a data error that names the differing
  /// field where the store was made for another description, or where it is damaged; a runtime error where
  /// it cannot be made.
  FeatureStore(Path folder, StoreDescription description);
  ~FeatureStore();
  FeatureStore(FeatureStore&&) noexcept;
  FeatureStore& operator=(FeatureStore&&) noexcept;

  const StoreDescription& description() const;
  /// The layers that records hold, which put() needs: at least those of the description.
  const std::vector<int>& layers_held() const;
  const Path& folder() const;
  bool contains(const std::string& identity) const;
  /// Images stored.
  std::int64_t size() const;

  /// Those of the identities that are not stored yet, each once, in order; sees what other processes wrote
  /// meanwhile.
  std::vector<std::string> missing(std::span<const std::string> identities);

  /// Forgets those of the identities whose records are damaged, so that they can be put again, and returns
  /// them. Looks at each record once.
  std::vector<std::string> forget_damaged(std::span<const std::string> identities);

  /// Throws a runtime error, before any work is done, where `images` more images do not fit on the disk.
  void require_space(std::int64_t images, const FreeSpace& free = free_bytes) const;

  /// Stores a batch: image i of `features` under identities[i]. Images that are there already are left alone.
  /// Features must have the layers held, and the description's grid and width. Throws a runtime error where
  /// the disk is full or the store may only be read.
  void put(std::span<const std::string> identities, const Features& features);

  /// The features of these images as one batch, float32 on the CPU, in this order, in memory from which a GPU
  /// copies by itself if `page_locked`. All must be stored. Throws a data error if a record is damaged, cut
  /// off, or holds numbers that are not finite.
  Features read(std::span<const std::string> identities, bool page_locked = false) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace res2clip
