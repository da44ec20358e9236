// Archives that strangers made, or that damage befell.
#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <limits>

#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include "res2clip/clip/archive_check.hpp"
#include "res2clip/clip/tokenizer.hpp"
#include "res2clip/core/files.hpp"
#include "res2clip/torch_files/zip.hpp"

#include "clip/archive_module.hpp"
#include "clip/card.hpp"
#include "clip/program.hpp"
#include "clip/tiny_backbone.hpp"
#include "support/fails.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const std::string kMark = "res2clip: sha256 of all members ";

Path exported(const TemporaryFolder& folder, const ClipWeights& weights = testing::tiny_weights()) {
  export_backbone(weights, {.image_size = 70}, folder / "whole.pt");
  return folder / "whole.pt";
}

auto loading(const Path& path) {
  return [path] { Backbone::load(path, {.device = "cpu"}); };
}

/// The archive as versions wrote it that stated no digest over the members.
std::string without_seal(std::string bytes) {
  bytes.resize(bytes.rfind(kMark));
  bytes[bytes.size() - 2] = bytes[bytes.size() - 1] = '\0';
  return bytes;
}

ModelCard card_of(const Path& archive) {
  return check_archive(archive).card;
}

/// A whole archive of a stranger: his program, his card, his tensors, and the checksum that belongs to them.
struct StrangersArchive {
  ArchiveTensors tensors;
  ModelCard card;
  std::string program = {};  // empty: this build's
  std::string vocabulary = std::string(built_in_merges());
  torch::jit::ExtraFilesMap more = {};

  void write(const Path& path) const {
    const torch::jit::Module own = archive_module(tensors, card);
    const torch::jit::Module module = program.empty() ? own : with_program(own);
    torch::jit::ExtraFilesMap files = more;
    files[kCardFile] = card_json({card, features_checksum(sha256_of_tensors(tensors), card)});
    files[kVocabularyFile] = vocabulary;
    module.save(path.string(), files);
  }

  torch::jit::Module with_program(const torch::jit::Module& own) const {
    torch::jit::Module module("Res2clipBackbone");
    for (const auto& entry : own.named_parameters(false))
      module.register_parameter(entry.name, entry.value, false);
    for (const auto& [name, value] : archive_integers(card))
      module.register_attribute(name, c10::IntType::get(), value);
    for (const auto& [name, value] : archive_flags(card))
      module.register_attribute(name, c10::BoolType::get(), value);
    module.define(program);
    module.eval();
    return module;
  }
};

StrangersArchive stranger(const TemporaryFolder& folder) {
  const auto weights = testing::tiny_weights();
  return {archive_tensors(weights), card_of(exported(folder, weights))};
}

/// TorchScript that makes a file where it is run.
std::string program_that_writes(const Path& file) {
  std::string program = archive_program(Activation::quick_gelu);
  const std::string line = "def encode_text(self, tokens: Tensor) -> Tensor:\n";
  return program.insert(program.find(line) + line.size(), "    tokens = tokens + (torch.from_file('" +
                                                              file.string() + "', True, 16).size(0) - 16)\n");
}

TEST(ArchiveOfAStranger, RunsNoneOfItsCode) {
  const TemporaryFolder folder;
  StrangersArchive archive = stranger(folder);
  archive.program = program_that_writes(folder / "written");
  archive.write(folder / "hostile.pt");
  const std::vector<std::string> prompts = {"a photo"};
  EXPECT_THAT([&] { Backbone::load(folder / "hostile.pt", {.device = "cpu"}).encode_text(prompts); },
              Fails(ErrorKind::data,
                    AllOf(HasSubstr("hostile.pt"), HasSubstr("code/"), HasSubstr("export it again"))));
  EXPECT_FALSE(std::filesystem::exists(folder / "written"));
  // That the code is there, and would have run:
  torch::jit::load((folder / "hostile.pt").string()).get_method("encode_text")({at::ones({1, 5}, at::kLong)});
  EXPECT_TRUE(std::filesystem::exists(folder / "written"));
}

TEST(ArchiveOfAStranger, MustHoldWhatItsCardStates) {
  const TemporaryFolder folder;
  const StrangersArchive archive = stranger(folder);
  const auto refused = [&](StrangersArchive changed, const std::string& why) {
    changed.write(folder / "changed.pt");
    EXPECT_THAT(loading(folder / "changed.pt"), Fails(ErrorKind::data, HasSubstr(why)));
  };
  StrangersArchive other = archive;
  other.card.sizes.embed_dim = 128;
  refused(other, "sizes");
  other = archive;
  other.vocabulary += "x y\n";
  refused(other, "vocabulary");
  other = archive;
  other.more["note.txt"] = "hello";
  refused(other, "note.txt");
  other = archive;
  other.tensors["vision_fc_bias"] = other.tensors["vision_fc_bias"].slice(1, 0, 8).clone();
  refused(other, "misshapen");
  other = archive;
  other.tensors["text_ln_1_bias"] = other.tensors["text_ln_1_bias"].slice(0, 0, 1).clone();
  refused(other, "missing");
}

TEST(ArchiveOfAStranger, OfNumbersThatAreNotFiniteIsRefused) {
  const TemporaryFolder folder;
  for (const float number : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity()}) {
    ClipWeights weights = testing::tiny_weights();
    at::Tensor& bias = weights.tensors["visual.transformer.resblocks.3.mlp.c_fc.bias"];
    bias = bias.clone();
    bias[7] = number;
    EXPECT_THAT(loading(exported(folder, weights)),
                Fails(ErrorKind::data, AllOf(HasSubstr("vision_fc_bias"), HasSubstr("not finite"))));
  }
}

TEST(ArchiveMembers, AreWhatTheyWereWhenTheArchiveWasWritten) {
  const TemporaryFolder folder;
  const Path path = exported(folder);
  const std::string bytes = read_file(path);
  const ZipArchive archive(path);
  EXPECT_GT(archive.entries().size(), 40u);
  for (const auto& [name, entry] : archive.entries()) {
    for (const std::uint64_t at : {entry.size / 3}) {
      std::string changed = bytes;
      changed[entry.start + at] = static_cast<char>(changed[entry.start + at] ^ 4);
      write_file(folder / "changed.pt", changed);
      EXPECT_THAT(loading(folder / "changed.pt"), Fails(ErrorKind::data, HasSubstr("changed.pt")))
          << name << " at " << at;
    }
  }
}

// Without the digest: by the code, the vocabulary and the tensors themselves.
TEST(ArchiveMembers, ThatDecideFeaturesAreVerifiedInArchivesOfOlderVersionsToo) {
  const TemporaryFolder folder;
  const Path path = exported(folder);
  const std::string bytes = without_seal(read_file(path));
  write_file(folder / "older.pt", bytes);
  EXPECT_EQ(Backbone::load(folder / "older.pt", {.device = "cpu"}).checksum(),
            Backbone::load(path, {.device = "cpu"}).checksum());
  EXPECT_EQ(check_archive(folder / "older.pt").digest, "");
  const ZipArchive archive(path);
  for (const auto& [name, entry] : archive.entries()) {
    if (name.ends_with("serialization_id")) continue;  // read by nobody
    std::string changed = bytes;
    const auto at = entry.start + entry.size / 2;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file(folder / "changed.pt", changed);
    EXPECT_THAT(loading(folder / "changed.pt"), Fails(ErrorKind::data, HasSubstr("changed.pt"))) << name;
  }
}

TEST(ArchiveDigest, CoversTheNameInTheCard) {
  const TemporaryFolder folder;
  std::string bytes = read_file(exported(folder));
  const auto place = bytes.find("\"name\": \"tiny\"");
  ASSERT_NE(place, std::string::npos);
  bytes[place + 9] = 'T';
  write_file(folder / "renamed.pt", bytes);
  EXPECT_THAT(loading(folder / "renamed.pt"), Fails(ErrorKind::data, HasSubstr("renamed.pt")));
}

TEST(ArchiveDigest, OfAnotherKindIsDamage) {
  const TemporaryFolder folder;
  std::string bytes = read_file(exported(folder));
  bytes[bytes.rfind(kMark)] = 'R';
  write_file(folder / "changed.pt", bytes);
  EXPECT_THAT(loading(folder / "changed.pt"), Fails(ErrorKind::data, HasSubstr("digest")));
}

TEST(ArchiveCheck, TellsTheWeightsThatAnArchiveWasMadeFrom) {
  const TemporaryFolder folder;
  ClipWeights weights = testing::tiny_weights();
  const ArchiveCheck found = check_archive(exported(folder, weights));
  EXPECT_EQ(found.digest.size(), 64u);
  EXPECT_GT(found.numbers, 1'000'000);
  EXPECT_TRUE(is_made_from(found, weights));
  at::Tensor& bias = weights.tensors["ln_final.bias"];
  bias = bias.clone();
  bias[0] += 0.5f;
  EXPECT_FALSE(is_made_from(found, weights));
}

// Any other reader of TorchScript archives.
TEST(SealedArchive, IsReadByTorchScript) {
  const TemporaryFolder folder;
  const Path path = exported(folder);
  torch::jit::Module module = torch::jit::load(path.string());
  const at::Tensor tokens = at::ones({1, 5}, at::kLong);
  EXPECT_EQ(module.get_method("encode_text")({tokens}).toTensor().sizes(), at::IntArrayRef({1, 96}));
}

TEST(ArchivePath, OfAFolderOrOfOtherFilesSaysSo) {
  const TemporaryFolder folder;
  write_file(folder / "text.pt", "no archive at all");
  EXPECT_THAT(loading(folder.path()), Fails(ErrorKind::data, HasSubstr("is a folder")));
  EXPECT_THAT(loading(folder / "absent.pt"), Fails(ErrorKind::data, HasSubstr("there is no such file")));
  EXPECT_THAT(loading(folder / "text.pt"), Fails(ErrorKind::data, HasSubstr("not a res2clip archive")));
}

}  // namespace
}  // namespace res2clip
