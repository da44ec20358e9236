#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "res2clip/compute/compute.hpp"
#include "res2clip/compute/workers.hpp"
#include "res2clip/core/progress.hpp"
#include "res2clip/features/encoded_features.hpp"
#include "res2clip/features/feature_store.hpp"
#include "res2clip/features/identities.hpp"
#include "res2clip/processes/communicator.hpp"

namespace res2clip {

/// What a store of these features must have been made with. `image` is fitted to the backbone.
StoreDescription describe_store(const std::string& dataset, const Backbone& backbone,
                                const ImageOptions& image, StoredAs stored_as, std::vector<int> layers);

/// Features from a store on disk. What it lacks, and what is damaged there, is encoded and stored first, then
/// read back, so that a first run and a later one see the same numbers. Records of announced images are read
/// in the background.
///
/// An image that changes between the reading that identifies it and the reading that encodes it is a data
/// error: its features would stand under another image's identity.
class StoredFeatures final : public FeatureSource {
 public:
  /// `encoded` must outlive this. Features come out on `device`. `identities`: those that are known already.
  StoredFeatures(FeatureStore store, EncodedFeatures& encoded, c10::Device device,
                 ImageIdentities identities = {});

  Features of(std::span<const Path> images) override;
  void soon(std::span<const Path> images) override;

  /// Encodes what the store lacks of these images, each process of the job its share, batch by batch
  /// together; returns how many that were, of all processes. Looks at every file and at the free disk space
  /// first. `stop_requested` is asked before each batch: if any process is asked to stop, all throw a runtime
  /// error that says so, and what was encoded stays. All processes must call it with the same images. Throws
  /// a runtime error if they do not see the same store, a data error that names what is wrong with a file.
  std::int64_t fill(std::span<const Path> images, Communicator& processes,
                    const ProgressCallback& progress = {}, const std::function<bool()>& stop_requested = {});

 private:
  struct Reading {
    std::vector<Path> images;
    std::future<std::optional<Features>> features;  // none where the store turned out to lack some
  };
  std::vector<std::string> missing_of(std::span<const std::string> identities);
  std::optional<Features> take_ahead(std::span<const Path> images);
  std::optional<Features> read_whole(const std::vector<std::string>& identities);
  void add_missing(std::span<const Path> images, const std::vector<std::string>& identities);
  EncodedFeatures::Identified encode(std::span<const Path> images);

  FeatureStore store_;
  EncodedFeatures& encoded_;
  ImageIdentities identities_;
  c10::Device device_;
  std::mutex access_;  // to the store
  std::deque<Reading> ahead_;
  Workers reader_{1};
};

}  // namespace res2clip
