// Pairs to be replayed.
#include "res2clip/train/pairs.hpp"

#include "fuzz/fuzz.hpp"

using namespace res2clip;

RES2CLIP_FUZZ(bytes) {
  static const std::vector<TrainingSample> samples = {
      {"a", "x", false}, {"b", "x", true}, {"c", "x", false}, {"d", "y", false}};
  const Path path = fuzz::file("pairs.jsonl", bytes);
  return fuzz::read_or_refuse([&] { read_pairs(path, samples); });
}
