#pragma once

#include <cstdint>
#include <string>

#include "res2clip/clip/model_card.hpp"
#include "res2clip/clip/weights.hpp"
#include "res2clip/core/path.hpp"

namespace res2clip {

/// What reading an archive found and verified. What its card says of its origin is its own word.
struct ArchiveCheck {
  ModelCard card;
  std::string checksum;      ///< of what determines the features; computed from the tensors
  std::string digest;        ///< over all members; empty if the archive states none
  std::int64_t numbers = 0;  ///< in its tensors, all finite
};

/// Reads a whole archive and verifies it as Backbone::load does. Throws the same data errors.
ArchiveCheck check_archive(const Path& archive);

/// Whether an archive was made from these weights: whether they, under its card, give its checksum.
bool is_made_from(const ArchiveCheck& archive, const ClipWeights& weights);

}  // namespace res2clip
