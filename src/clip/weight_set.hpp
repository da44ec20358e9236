#pragma once

#include <string>
#include <vector>

#include "res2clip/core/path.hpp"

namespace res2clip {

/// The files that together hold a model's weights, and the folder in which its description lies.
struct WeightSet {
  std::vector<Path> files;  // in order of their names
  Path folder;
  std::string name;
};

/// What a path of weights stands for: a file, an index of shards (`model.safetensors.index.json`), or a
/// folder with one of both. Throws a data error that names what is absent, or the choices in a folder of
/// several.
WeightSet find_weights(const Path& path);

/// Of the only file; of shards, that of their names and checksums.
std::string sha256_of(const WeightSet& weights);

}  // namespace res2clip
