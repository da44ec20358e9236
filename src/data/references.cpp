#include "res2clip/data/references.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/core/random.hpp"

#include "json_file.hpp"
#include "layouts.hpp"
#include "listing.hpp"

namespace res2clip {
namespace {

bool is_listed(const std::vector<std::string>& categories, const std::string& category) {
  return categories.empty() || std::find(categories.begin(), categories.end(), category) != categories.end();
}

/// `root` with the longest tail of a path behind it that exists; empty: none of at least two names does.
Path tail_below(const Path& root, const Path& path) {
  for (auto first = std::next(path.begin()); first != path.end() && std::next(first) != path.end(); ++first) {
    Path tail;
    for (auto name = first; name != path.end(); ++name) tail /= *name;
    if (const Path found = found_as(root / tail); is_file(found)) return found;
  }
  return {};
}

Path resolve(const std::string& text, const Path& root, const std::string& where) {
  const Path path = text;
  for (const Path& whole : {root / path, path})
    if (const Path found = found_as(whole); is_file(found)) return found;
  if (!path.empty())
    if (const Path found = tail_below(root, path.lexically_normal()); !found.empty()) return found;
  throw data_error(where + ": the reference " + text + " is absent, from " + root.string() +
                   " (where its last names are looked for too) and from the working directory");
}

Error malformed(const Path& file, const std::string& what) {
  return data_error(file.string() + ": " + what);
}

std::vector<Sample> normal_training_images(const Dataset& dataset, const std::string& category) {
  std::vector<Sample> images;
  if (const auto found = dataset.train.find(category); found != dataset.train.end()) images = found->second;
  std::erase_if(images, [](const Sample& sample) { return sample.anomalous; });
  return images;
}

/// Whether each test image is anomalous, by its real path.
std::map<Path, bool> anomalous_by_path(const std::vector<Sample>& samples) {
  std::map<Path, bool> anomalous;
  for (const Sample& sample : samples)
    anomalous.emplace(std::filesystem::weakly_canonical(sample.image), sample.anomalous);
  return anomalous;
}

std::size_t repeated(const std::vector<Path>& paths) {
  std::set<Path> seen;
  std::size_t count = 0;
  for (const Path& path : paths) count += !seen.insert(std::filesystem::weakly_canonical(path)).second;
  return count;
}

/// A class that differs in capitals alone is most likely meant.
std::string listed_otherwise(const References& references, const std::string& category) {
  for (const auto& [other, paths] : references)
    if (other != category && lower(other) == lower(category)) return " (but '" + other + "' is listed)";
  return {};
}

bool same_bytes(const Path& a, const Path& b) {
  std::error_code ignored;
  if (std::filesystem::file_size(a, ignored) != std::filesystem::file_size(b, ignored)) return false;
  std::ifstream one(a, std::ios::binary), other(b, std::ios::binary);
  std::array<char, 1 << 16> left{}, right{};
  while (one && other) {
    one.read(left.data(), left.size());
    other.read(right.data(), right.size());
    const auto count = static_cast<std::size_t>(one.gcount());
    if (one.gcount() != other.gcount() || !std::equal(left.begin(), left.begin() + count, right.begin()))
      return false;
  }
  return one.eof() && other.eof();
}

/// References of which a test image is a copy under another name.
std::size_t copied(const std::vector<Path>& paths, const std::vector<Sample>& samples) {
  return static_cast<std::size_t>(std::count_if(paths.begin(), paths.end(), [&](const Path& path) {
    return std::any_of(samples.begin(), samples.end(), [&](const Sample& sample) {
      std::error_code ignored;
      return same_bytes(path, sample.image) && !std::filesystem::equivalent(path, sample.image, ignored);
    });
  }));
}

void refuse_masks_among(const std::vector<Path>& paths, const std::string& category,
                        const std::vector<Sample>& samples) {
  std::set<Path> masks;
  for (const Sample& sample : samples)
    for (const Path& mask : mask_files(sample)) masks.insert(std::filesystem::weakly_canonical(mask));
  for (const Path& path : paths)
    if (masks.contains(std::filesystem::weakly_canonical(path)))
      throw data_error(path.string() + ": is a reference of class '" + category +
                       "' and the mask of a test image; references are normal images");
}

}  // namespace

References read_references(const Path& file, const Path& root, const std::vector<std::string>& categories) {
  const OrderedJson classes = read_json_file(file);
  if (!classes.is_object()) throw malformed(file, "is not {\"class\": [\"path\", ...]}");
  References references;
  for (const auto& [category, paths] : classes.items()) {
    if (!is_listed(categories, category)) continue;
    if (!paths.is_array()) throw malformed(file, "\"" + category + "\" is not a list of paths");
    auto& resolved = references[category];
    for (const auto& path : paths) {
      if (!path.is_string()) throw malformed(file, "\"" + category + "\" lists something that is not a path");
      resolved.push_back(resolve(path.get<std::string>(), root, file.string() + ", class " + category));
    }
  }
  return references;
}

References training_references(const Dataset& dataset) {
  References references;
  for (const std::string& category : dataset.categories)
    for (const Sample& sample : normal_training_images(dataset, category))
      references[category].push_back(sample.image);
  return references;
}

References take_references(const References& references, const std::vector<std::string>& categories,
                           std::int64_t shots) {
  References taken;
  for (const std::string& category : categories) {
    const auto found = references.find(category);
    const std::size_t listed = found == references.end() ? 0 : found->second.size();
    if (listed < static_cast<std::size_t>(shots))
      throw data_error("class '" + category + "' has " + std::to_string(listed) + " references listed" +
                       listed_otherwise(references, category) + ", but " + std::to_string(shots) +
                       (shots == 1 ? " is" : " are") + " needed");
    const auto first = found->second.begin();
    taken[category].assign(first, first + static_cast<std::ptrdiff_t>(shots));
  }
  return taken;
}

References choose_references(const Dataset& dataset, std::int64_t shots, std::int64_t seed) {
  References references;
  for (const std::string& category : dataset.categories) {
    std::vector<Sample> candidates = normal_training_images(dataset, category);
    if (candidates.size() < static_cast<std::size_t>(shots))
      throw data_error(dataset.root.string() + ": class '" + category + "' has " +
                       std::to_string(candidates.size()) + " normal training images, but " +
                       std::to_string(shots) + (shots == 1 ? " is" : " are") + " needed as references; " +
                       (candidates.empty()
                            ? "name their folder with --good if it is not called good, ok or normal, or"
                            : "lower --shots or") +
                       " name references with --references");
    std::sort(candidates.begin(), candidates.end(),
              [](const Sample& a, const Sample& b) { return a.name < b.name; });
    RandomStream stream(static_cast<std::uint64_t>(seed), "references/" + category);
    const auto order = stream.permutation(static_cast<std::int64_t>(candidates.size()));
    auto& chosen = references[category];
    for (std::int64_t i = 0; i < shots; ++i)
      chosen.push_back(candidates[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])].image);
  }
  return references;
}

References joined(std::span<const References> references) {
  References whole;
  for (const References& own : references)
    for (const auto& [category, paths] : own)
      for (const Path& path : paths)
        if (auto& all = whole[category]; std::find(all.begin(), all.end(), path) == all.end())
          all.push_back(path);
  return whole;
}

bool is_references_file(const std::string& source) {
  return !source.empty() && source != "first" && source != "published";
}

References references_for(const Dataset& dataset, const ReferenceChoice& choice,
                          const std::set<Path>& unusable) {
  if (choice.source.empty()) return choose_references(dataset, choice.shots, choice.seed);
  References all;
  if (choice.source == "first")
    all = training_references(dataset);
  else if (choice.source == "published")
    all = published_references(dataset);
  else
    all = read_references(choice.source, dataset.root, dataset.categories);
  for (auto& [category, paths] : all)
    std::erase_if(paths, [&](const Path& path) { return unusable.contains(path); });
  return take_references(all, dataset.categories, choice.shots);
}

void remark_on_references(Dataset& dataset, const References& references) {
  for (const auto& [category, paths] : references) {
    refuse_masks_among(paths, category, dataset.test[category]);
    if (const std::size_t twice = repeated(paths); twice > 0)
      dataset.remarks.push_back(category + ": " + std::to_string(twice) + " of " +
                                std::to_string(paths.size()) +
                                " references are listed a second time, which adds nothing");
    const auto test = anomalous_by_path(dataset.test[category]);
    std::size_t both = 0;
    for (const Path& path : paths) {
      const auto found = test.find(std::filesystem::weakly_canonical(path));
      if (found == test.end()) continue;
      if (found->second)
        throw data_error(path.string() + ": is a reference of class '" + category +
                         "' and an anomalous test image; references are normal images");
      ++both;
    }
    if (both > 0)
      dataset.remarks.push_back(category + ": " + std::to_string(both) + " of " +
                                std::to_string(paths.size()) +
                                " references are also test images, which then score too low");
    if (const std::size_t copies = copied(paths, dataset.test[category]); copies > 0)
      dataset.remarks.push_back(category + ": " + std::to_string(copies) + " of " +
                                std::to_string(paths.size()) +
                                " references are byte for byte the same as a test image of another name, "
                                "which then scores too low");
  }
}

std::string references_json(const References& references, const Path& root) {
  nlohmann::json classes = nlohmann::json::object();
  for (const auto& [category, paths] : references)
    for (const Path& path : paths) {
      const Path below = path.lexically_relative(root);
      const bool inside = !below.empty() && *below.begin() != "..";
      classes[category].push_back((inside ? below : path).generic_string());
    }
  return json_text(classes, 2) + "\n";
}

}  // namespace res2clip
