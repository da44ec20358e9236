#include "res2clip/clip/archive_check.hpp"

#include "archive_reader.hpp"

namespace res2clip {

ArchiveCheck check_archive(const Path& archive) {
  const ReadArchive read = read_archive(archive);
  ArchiveCheck check{read.card.card, read.card.checksum, read.digest, 0};
  for (const auto& [name, tensor] : read.tensors) check.numbers += tensor.numel();
  return check;
}

bool is_made_from(const ArchiveCheck& archive, const ClipWeights& weights) {
  return weights.sizes == archive.card.sizes &&
         features_checksum(sha256_of_tensors(archive_tensors(weights)), archive.card) == archive.checksum;
}

}  // namespace res2clip
