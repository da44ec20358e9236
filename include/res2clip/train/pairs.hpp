#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "res2clip/core/path.hpp"
#include "res2clip/train/data.hpp"

namespace res2clip {

/// The images of one step: indices of queries and of the normal image that is each one's reference.
struct StepPairs {
  std::int64_t epoch = 0;
  std::int64_t step = 0;  ///< counts on across epochs
  std::vector<std::int64_t> query;
  std::vector<std::int64_t> reference;
};

/// Steps of an epoch: the last batch may be smaller. Throws a settings error for batches of less than one
/// image.
std::int64_t steps_per_epoch(std::int64_t samples, std::int64_t batch_size);

/// The pairs of one epoch: all images in a random order; for each a uniformly random other normal image of
/// its class (the image itself where its class has no other). They depend on seed and epoch alone, so that
/// any epoch can be drawn without those before it. Throws a data error where a class has no normal image.
std::vector<StepPairs> draw_pairs(const std::vector<TrainingSample>& samples, std::int64_t batch_size,
                                  std::int64_t seed, std::int64_t epoch);

/// The line of a pairs file, without line end:
/// {"epoch": 0, "step": 0, "query": ["…"], "reference": ["…"]}, images by name.
std::string pairs_line(const StepPairs& pairs, const std::vector<TrainingSample>& samples);

/// Reads a pairs file (pairs.jsonl) to be replayed. All its epochs must have equally many steps, all steps
/// but an epoch's last the same number of images (the last at most that), steps must count from 0, and each
/// reference must be a normal image of its query's class. Throws a data error that names file and line.
std::vector<StepPairs> read_pairs(const Path& path, const std::vector<TrainingSample>& samples);

}  // namespace res2clip
