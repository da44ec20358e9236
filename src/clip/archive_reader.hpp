#pragma once

#include <cstdint>
#include <string>

#include "res2clip/core/path.hpp"

#include "archive_module.hpp"
#include "card.hpp"

namespace res2clip {

/// An archive as it was read and verified, on the CPU.
struct ReadArchive {
  ArchiveCard card;
  ArchiveTensors tensors;
  std::string digest;  ///< over all members; empty if the archive states none, as older versions wrote them
};

/// Reads an archive as data; nothing of it is compiled or run. Verified: the members are those that this
/// build writes for such a card, its code among them, byte for byte; the vocabulary is this program's; the
/// tensors are finite, of the card's sizes, and give its checksum; all members give the digest stated. Throws
/// a data error that names the file.
ReadArchive read_archive(const Path& path);

}  // namespace res2clip
