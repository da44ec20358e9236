#include "res2clip/features/identities.hpp"

#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "res2clip/compute/parallel.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/image/read.hpp"

namespace res2clip {
namespace {

/// What one reading of some files found.
struct Findings {
  std::vector<std::string> identities;
  std::vector<std::string> faults;  // empty where the file is whole
};

Findings look_at(std::span<const Path> images, const ReadOptions& reading, Communicator& processes) {
  Findings found{std::vector<std::string>(images.size()), std::vector<std::string>(images.size())};
  parallel_for_each(images.size(), [&](std::size_t i) {
    try {
      const std::string bytes = read_image_file(images[i]);
      found.identities[i] = sha256(bytes);
      found.faults[i] = image_fault(bytes, images[i], reading);
    } catch (const Error& error) {
      found.faults[i] = error.what();
    }
    processes.progress();
  });
  return found;
}

/// Paths in a message may hold any bytes, so what travels between processes is CBOR.
std::string packed(const Findings& found) {
  const auto bytes = nlohmann::json::to_cbor(nlohmann::json::array({found.identities, found.faults}));
  return {bytes.begin(), bytes.end()};
}

Findings unpacked(const std::string& bytes) {
  const auto json = nlohmann::json::from_cbor(bytes);
  return {json.at(0).get<std::vector<std::string>>(), json.at(1).get<std::vector<std::string>>()};
}

}  // namespace

std::vector<Path> ImageIdentities::unknown(std::span<const Path> images) const {
  std::vector<Path> paths;
  std::set<Path> seen;
  for (const Path& image : images)
    if (!known_.contains(image) && seen.insert(image).second) paths.push_back(image);
  return paths;
}

std::vector<std::string> ImageIdentities::known(std::span<const Path> images) const {
  std::vector<std::string> identities;
  for (const Path& image : images) identities.push_back(known_.at(image));
  return identities;
}

std::vector<std::string> ImageIdentities::of(std::span<const Path> images) {
  const std::vector<Path> paths = unknown(images);
  Findings found = look_at(paths, reading_, *single_process());
  require_no_image_fault(std::move(found.faults));
  for (std::size_t i = 0; i < paths.size(); ++i) known_[paths[i]] = found.identities[i];
  return known(images);
}

std::vector<std::string> ImageIdentities::of(std::span<const Path> images, Communicator& processes) {
  const std::vector<Path> paths = unknown(images);
  const auto size = static_cast<std::size_t>(processes.size());
  std::vector<Path> own;
  for (auto i = static_cast<std::size_t>(processes.rank()); i < paths.size(); i += size)
    own.push_back(paths[i]);
  const std::vector<std::string> all = processes.gather(packed(look_at(own, reading_, processes)));
  std::vector<std::string> faults;
  for (std::size_t rank = 0; rank < size; ++rank) {
    Findings found = unpacked(all[rank]);
    const std::size_t expected = paths.size() / size + (rank < paths.size() % size ? 1 : 0);
    if (found.identities.size() != expected)
      throw runtime_error("the processes of this job do not see the same images; give all the same --data");
    for (std::size_t i = 0; i < expected; ++i)
      known_[paths[rank + i * size]] = std::move(found.identities[i]);
    std::move(found.faults.begin(), found.faults.end(), std::back_inserter(faults));
  }
  require_no_image_fault(std::move(faults));
  return known(images);
}

}  // namespace res2clip
