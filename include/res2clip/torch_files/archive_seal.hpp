#pragma once

#include <map>
#include <optional>
#include <string>

#include "res2clip/torch_files/zip.hpp"

namespace res2clip {

/// SHA-256 over all members of an archive: over a line "name sha256" for each, in order of their names.
/// `sha256_of` holds the SHA-256 of each member's bytes as they lie in the file.
std::string digest_of_members(const std::map<std::string, std::string>& sha256_of);

/// The SHA-256 of the bytes of a member; of each one, read by several threads.
std::string sha256_of_member(const ZipArchive& archive, const std::string& name);
std::map<std::string, std::string> sha256_of_members(const ZipArchive& archive);

/// Writes the digest over all members into the comment of a finished archive, which no reader of PyTorch
/// files minds. `descriptor`: open for writing. Throws a data error for what is no archive, a runtime error
/// if it cannot be written.
void seal_archive(const Path& file, int descriptor);

/// The digest that an archive's comment states; none if it has no comment, as those of older versions and of
/// others. Throws a data error for a comment of another kind.
std::optional<std::string> stated_digest(const ZipArchive& archive);

/// Throws a data error if the archive states a digest over its members and they are not those that it was
/// taken of. One that states none has to be believed.
void require_stated_members(const ZipArchive& archive);

}  // namespace res2clip
