// How several processes fill one store together.
#include <algorithm>
#include <map>
#include <utility>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/features/stored_features.hpp"

namespace res2clip {
namespace {

/// Throws on all processes where any of them was asked to stop.
void share_stop(bool asked, Communicator& processes) {
  for (const std::string& other : processes.gather(asked ? "stop" : "", kPatience))
    if (!other.empty())
      throw runtime_error("interrupted; what is encoded stays, the same command again goes on from there");
}

Error not_shared(const FeatureStore& store) {
  return runtime_error(store.folder().string() +
                       ": is not the same folder for all processes of this job; name one in --store that all "
                       "machines share");
}

std::string digest_of(std::span<const std::string> texts) {
  std::string all;
  for (const std::string& text : texts) all += text + '\n';
  return sha256(all);
}

/// What the processes encode together before they meet: a batch of each.
struct Round {
  std::span<const std::string> identities;  // of all
  std::vector<Path> own;                    // images of this process
};

std::vector<Round> rounds_of(std::span<const std::string> missing, std::size_t batch,
                             const std::map<std::string, Path>& path_of, const Communicator& processes) {
  const auto size = static_cast<std::size_t>(processes.size());
  std::vector<Round> rounds;
  for (std::size_t first = 0; first < missing.size(); first += batch * size) {
    Round round{missing.subspan(first, std::min(batch * size, missing.size() - first)), {}};
    for (auto i = static_cast<std::size_t>(processes.rank()); i < round.identities.size(); i += size)
      round.own.push_back(path_of.at(round.identities[i]));
    rounds.push_back(std::move(round));
  }
  return rounds;
}

}  // namespace

std::vector<std::string> StoredFeatures::missing_of(std::span<const std::string> identities) {
  const std::lock_guard lock(access_);
  return store_.missing(identities);
}

std::int64_t StoredFeatures::fill(std::span<const Path> images, Communicator& processes,
                                  const ProgressCallback& progress,
                                  const std::function<bool()>& stop_requested) {
  const std::vector<std::string> identities = identities_.of(images, processes);
  const std::vector<std::string> missing = missing_of(identities);
  const auto total = static_cast<std::int64_t>(missing.size());
  store_.require_space(total);
  const std::string seen = digest_of(missing);
  for (const std::string& other : processes.gather(seen))
    if (other != seen) throw not_shared(store_);
  std::map<std::string, Path> path_of;
  for (std::size_t i = 0; i < images.size(); ++i) path_of.emplace(identities[i], images[i]);

  // Records are written while the next round is encoded, and looked for once all have written theirs.
  std::future<void> written;
  const auto end_round = [&](const Round& round) {
    if (written.valid()) written.get();
    processes.barrier(kPatience);
    if (!missing_of(round.identities).empty()) throw not_shared(store_);
  };
  const std::vector<Round> rounds = rounds_of(missing, encoded_.batch_size(), path_of, processes);
  std::int64_t done = 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    if (progress) progress(done, total, "encoding images");
    share_stop(stop_requested && stop_requested(), processes);
    encoded_.soon(rounds[i].own);
    if (i + 1 < rounds.size()) encoded_.soon(rounds[i + 1].own);
    std::optional<EncodedFeatures::Identified> encoded;
    if (!rounds[i].own.empty()) encoded = encode(rounds[i].own);
    if (i > 0) end_round(rounds[i - 1]);
    // Not by Workers: what was encoded is stored even if an interruption ends this function.
    if (encoded)
      written = std::async(std::launch::async, [this, batch = std::move(*encoded)] {
        const std::lock_guard lock(access_);
        store_.put(batch.identities, batch.features);
      });
    done += static_cast<std::int64_t>(rounds[i].identities.size());
  }
  if (!rounds.empty()) end_round(rounds.back());
  return total;
}

}  // namespace res2clip
