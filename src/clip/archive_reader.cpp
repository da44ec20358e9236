#include "archive_reader.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <set>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "res2clip/clip/tokenizer.hpp"
#include "res2clip/core/error.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/core/sha256.hpp"
#include "res2clip/torch_files/archive_seal.hpp"
#include "res2clip/torch_files/torchscript_object.hpp"

namespace res2clip {
namespace {

constexpr std::uint64_t kLargestCard = 1 << 20;
constexpr std::uint64_t kLargestVocabulary = 16 << 20;
constexpr std::uint64_t kLargestPart = 16 << 20;  // of code and such
const std::string kExtra = "extra/";
const std::string kObjectType = "__torch__.Res2clipBackbone";

/// Whether float32 numbers are finite: whether no exponent is the highest.
bool are_finite(std::string_view bytes) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t any = 0;
  for (std::size_t at = 0; at + sizeof any <= bytes.size(); at += sizeof any) {
    std::uint32_t number;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    any |= static_cast<std::uint32_t>((number & kExponent) == kExponent);
  }
  return any == 0;
}

class ArchiveReader {
 public:
  explicit ArchiveReader(const Path& path)
      : source_(path.string()), archive_(path), folder_(records_folder(archive_)) {}

  ReadArchive read() {
    const TorchScriptObject object = read_torchscript_object(archive_);
    require_ours(object);
    ReadArchive found;
    found.card = card_from_json(archive_.read(folder_ + kExtra + kCardFile, kLargestCard), source_);
    const ModelCard& card = found.card.card;
    require_members(object, card);
    require_vocabulary();
    require_values(object, card);
    found.tensors = read_tensors(object);
    if (!(clip_sizes(openai_tensors(found.tensors, source_), source_) == card.sizes))
      refuse("its tensors are not of the sizes that its card states");
    if (features_checksum(sha256_of_tensor_, card) != found.card.checksum)
      refuse("it was changed after `res2clip export`");
    found.digest = verified_digest();
    return found;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw data_error(source_ + ": is damaged, or was not written by `res2clip export`: " + what +
                     "; export it again");
  }

  void require_ours(const TorchScriptObject& object) const {
    if (archive_.contains(folder_ + kExtra + kCardFile) &&
        archive_.contains(folder_ + kExtra + kVocabularyFile))
      return;
    throw data_error(source_ + ": is a TorchScript archive, but not one that `res2clip export` wrote" +
                     (object.values.contains("visual") || object.tensors.contains("logit_scale")
                          ? " (it looks like CLIP's weights: export them first)"
                          : ""));
  }

  /// The members are exactly those that this build writes, and all of them that hold code, as it writes it.
  void require_members(const TorchScriptObject& object, const ModelCard& card) const {
    std::set<std::string> known = {folder_ + "data.pkl", folder_ + ".data/serialization_id",
                                   folder_ + kExtra + kCardFile, folder_ + kExtra + kVocabularyFile};
    for (const auto& [name, tensor] : object.tensors) known.insert(tensor.member);
    for (const auto& [name, bytes] : program_members(card)) {
      known.insert(folder_ + name);
      if (!archive_.contains(folder_ + name) || archive_.content(folder_ + name, kLargestPart) != bytes)
        refuse("its " + name + " is not what this version writes");
    }
    for (const auto& [name, entry] : archive_.entries())
      if (!known.contains(name)) refuse("it holds " + name + ", which no archive does");
  }

  void require_vocabulary() const {
    if (archive_.read(folder_ + kExtra + kVocabularyFile, kLargestVocabulary) != built_in_merges())
      refuse("its vocabulary is not CLIP's");
  }

  /// The numbers that code reads are those of the card.
  void require_values(const TorchScriptObject& object, const ModelCard& card) const {
    if (object.type != kObjectType) refuse("its object is of another class");
    std::set<std::string> known = {"training", "_is_full_backward_hook"};
    for (const auto& [name, value] : archive_integers(card)) {
      const auto found = object.values.find(name);
      known.insert(name);
      if (found == object.values.end() || found->second.integer() == nullptr ||
          *found->second.integer() != value)
        refuse("its " + name + " is not that of its card");
    }
    for (const auto& [name, value] : archive_flags(card)) {
      const auto found = object.values.find(name);
      known.insert(name);
      if (found == object.values.end() || found->second.boolean() == nullptr ||
          *found->second.boolean() != value)
        refuse("its " + name + " is not that of its card");
    }
    for (const auto& [name, value] : object.values)
      if (!known.contains(name)) refuse("its object holds " + name + ", which none does");
  }

  struct Reading {
    std::string name;
    RecordedTensor from;
    at::Tensor tensor = {};
    std::string sha256 = {};
    bool finite = true;
  };

  std::vector<Reading> readings_of(const TorchScriptObject& object) const {
    std::vector<Reading> readings;
    for (const auto& [name, from] : object.tensors) {
      if (from.type != at::kFloat) refuse("its tensor " + name + " is not of float32");
      readings.push_back({name, from});
    }
    // Threads take the next one as they come: the largest first, or one would be late.
    std::sort(readings.begin(), readings.end(),
              [](const Reading& a, const Reading& b) { return a.from.bytes > b.from.bytes; });
    return readings;
  }

  /// What is hashed and looked at is what will be used.
  void read(Reading& one) const {
    Sha256 digest;
    one.tensor = at::empty(one.from.sizes);
    archive_.read_pieces(one.from.member, one.tensor.mutable_data_ptr(), one.from.bytes,
                         [&](std::string_view piece) {
                           digest.add(piece.data(), piece.size());
                           one.finite = one.finite && are_finite(piece);
                         });
    one.sha256 = digest.hex();
  }

  ArchiveTensors read_tensors(const TorchScriptObject& object) {
    std::vector<Reading> readings = readings_of(object);
    std::atomic<std::size_t> next{0};
    at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t, std::int64_t) {
      for (std::size_t i = next++; i < readings.size(); i = next++) read(readings[i]);
    });
    ArchiveTensors tensors;
    for (Reading& one : readings) {
      if (!one.finite) refuse("its tensor " + one.name + " holds numbers that are not finite");
      sha256_of_tensor_[one.name] = one.sha256;
      sha256_of_member_[one.from.member] = one.sha256;
      tensors[one.name] = std::move(one.tensor);
    }
    return tensors;
  }

  std::string verified_digest() {
    const auto stated = stated_digest(archive_);
    if (!stated) return {};
    for (const auto& [name, entry] : archive_.entries())
      if (!sha256_of_member_.contains(name)) sha256_of_member_[name] = sha256_of_member(archive_, name);
    if (digest_of_members(sha256_of_member_) != *stated)
      refuse("the SHA-256 over its members is not what it states");
    return *stated;
  }

  std::string source_;
  ZipArchive archive_;
  std::string folder_;
  std::map<std::string, std::string> sha256_of_tensor_, sha256_of_member_;
};

void require_file(const Path& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed))
    throw data_error(path.string() + ": is a folder; name an archive that `res2clip export` wrote");
  if (!std::filesystem::exists(path, failed)) throw data_error(path.string() + ": there is no such file");
  char start[2] = {};
  std::ifstream(path, std::ios::binary).read(start, sizeof start);
  if (start[0] != 'P' || start[1] != 'K')
    throw data_error(path.string() +
                     ": is not a res2clip archive, or is damaged; write it with `res2clip export`");
}

}  // namespace

ReadArchive read_archive(const Path& path) {
  require_file(path);
  return ArchiveReader(path).read();
}

}  // namespace res2clip
