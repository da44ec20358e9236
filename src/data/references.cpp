#include "res2clip/data/references.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/json_text.hpp"
#include "res2clip/core/random.hpp"

#include "listing.hpp"

namespace res2clip {
namespace {

Path resolve(const std::string& text, const Path& root, const std::string& where) {
  const Path path = text;
  if (is_file(root / path)) return root / path;
  if (is_file(path)) return path;
  throw data_error(where + ": the reference " + text + " is absent, from " + root.string() +
                   " and from the working directory");
}

}  // namespace

References read_references(const Path& file, const Path& root) {
  nlohmann::json classes;
  try {
    classes = nlohmann::json::parse(read_file(file));
  } catch (const nlohmann::json::exception& fault) {
    throw data_error(file.string() + ": is not JSON: " + fault.what());
  }
  const auto fault = [&](const std::string& what) { return data_error(file.string() + ": " + what); };
  if (!classes.is_object()) throw fault("is not {\"class\": [\"path\", ...]}");
  References references;
  for (const auto& [category, paths] : classes.items()) {
    if (!paths.is_array()) throw fault("\"" + category + "\" is not a list of paths");
    auto& resolved = references[category];
    for (const auto& path : paths) {
      if (!path.is_string()) throw fault("\"" + category + "\" lists something that is not a path");
      resolved.push_back(resolve(path.get<std::string>(), root, file.string() + ", class " + category));
    }
  }
  return references;
}

References take_references(const References& references, const std::vector<std::string>& categories,
                           std::int64_t shots) {
  References taken;
  for (const std::string& category : categories) {
    const auto found = references.find(category);
    const std::size_t listed = found == references.end() ? 0 : found->second.size();
    if (listed < static_cast<std::size_t>(shots))
      throw data_error("class '" + category + "' has " + std::to_string(listed) + " references listed, but " +
                       std::to_string(shots) + (shots == 1 ? " is" : " are") + " needed");
    const auto first = found->second.begin();
    taken[category].assign(first, first + static_cast<std::ptrdiff_t>(shots));
  }
  return taken;
}

References choose_references(const Dataset& dataset, std::int64_t shots, std::int64_t seed) {
  References references;
  for (const std::string& category : dataset.categories) {
    const auto found = dataset.train.find(category);
    std::vector<Sample> candidates;
    if (found != dataset.train.end()) candidates = found->second;
    std::erase_if(candidates, [](const Sample& sample) { return sample.anomalous; });
    if (candidates.size() < static_cast<std::size_t>(shots))
      throw data_error(dataset.root.string() + ": class '" + category + "' has " +
                       std::to_string(candidates.size()) + " normal training images, but " +
                       std::to_string(shots) + (shots == 1 ? " is" : " are") +
                       " needed as references; lower --shots or name references with --references");
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
