#include "res2clip/torch_files/archive_seal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <vector>

#include <ATen/Parallel.h>

#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/sha256.hpp"

namespace res2clip {
namespace {

constexpr std::string_view kMark = "res2clip: sha256 of all members ";
constexpr std::size_t kDigits = 64;

}  // namespace

std::string digest_of_members(const std::map<std::string, std::string>& sha256_of) {
  std::string lines;
  for (const auto& [name, digest] : sha256_of) lines += name + " " + digest + "\n";
  return sha256(lines);
}

std::string sha256_of_member(const ZipArchive& archive, const std::string& name) {
  Sha256 digest;
  archive.look_at(name, [&](std::string_view piece) { digest.add(piece.data(), piece.size()); });
  return digest.hex();
}

std::map<std::string, std::string> sha256_of_members(const ZipArchive& archive) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& [name, entry] : archive.entries()) list.emplace_back(name, "");
  at::parallel_for(0, static_cast<std::int64_t>(list.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      list[i].second = sha256_of_member(archive, list[i].first);
  });
  return {list.begin(), list.end()};
}

void seal_archive(const Path& file, int descriptor) {
  std::string comment;
  std::uint64_t size = 0;
  {
    const ZipArchive archive(file);
    if (!archive.comment().empty()) throw data_error(file.string() + ": has a comment already");
    comment = std::string(kMark) + digest_of_members(sha256_of_members(archive));
    size = archive.size();
  }
  // The file ends with the number of the comment's bytes.
  const std::string end{static_cast<char>(comment.size() & 255), static_cast<char>(comment.size() >> 8)};
  const std::string bytes = end + comment;
  const auto put = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(size - end.size()));
  if (put != static_cast<ssize_t>(bytes.size()))
    throw runtime_error(file.string() +
                        ": cannot be written: " + (put < 0 ? std::strerror(errno) : "disk full"));
}

std::optional<std::string> stated_digest(const ZipArchive& archive) {
  const std::string& comment = archive.comment();
  if (comment.empty()) return std::nullopt;
  if (comment.size() != kMark.size() + kDigits || !comment.starts_with(kMark) ||
      comment.find_first_not_of("0123456789abcdef", kMark.size()) != std::string::npos)
    throw data_error(archive.path().string() +
                     ": is damaged: what stands behind its directory is not a digest");
  return comment.substr(kMark.size());
}

void require_stated_members(const ZipArchive& archive) {
  const auto stated = stated_digest(archive);
  if (stated && digest_of_members(sha256_of_members(archive)) != *stated)
    throw data_error(
        archive.path().string() +
        ": is damaged: the SHA-256 over its members is not what it states; write or fetch it again");
}

}  // namespace res2clip
