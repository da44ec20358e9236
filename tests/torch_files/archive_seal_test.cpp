#include "res2clip/torch_files/archive_seal.hpp"

#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "res2clip/core/files.hpp"
#include "res2clip/torch_files/pickle_reader.hpp"
#include "res2clip/torch_files/pickle_writer.hpp"

#include "support/fails.hpp"
#include "support/goldens.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::AllOf;
using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr std::string_view kMark = "res2clip: sha256 of all members ";
const at::Tensor kNumbers = at::arange(6, at::kFloat);

Path written(const TemporaryFolder& folder) {
  auto dict = std::make_shared<PickleValue::Dict>();
  dict->emplace_back(PickleValue(std::string("numbers")), PickleValue(kNumbers));
  dict->emplace_back(PickleValue(std::string("step")), PickleValue(std::int64_t{7}));
  write_torch_pickle(folder / "whole.pt", PickleValue(dict));
  return folder / "whole.pt";
}

bool is_as_written(const PickleValue& value) {
  const PickleValue *numbers = value.find("numbers"), *step = value.find("step");
  return value.dict()->size() == 2 && numbers != nullptr && numbers->tensor()->equal(kNumbers) &&
         step != nullptr && *step->integer() == 7;
}

/// The file as versions wrote it that stated no digest.
std::string without_seal(std::string bytes) {
  bytes.resize(bytes.rfind(kMark));
  bytes[bytes.size() - 2] = bytes[bytes.size() - 1] = '\0';
  return bytes;
}

TEST(ArchiveSeal, IsTheSha256OverAllMembersOfAWrittenFile) {
  const TemporaryFolder folder;
  const ZipArchive archive(written(folder));
  std::string lines;
  for (const auto& [name, entry] : archive.entries())
    lines += name + " " + sha256(archive.read(name, 1 << 20)) + "\n";
  EXPECT_EQ(stated_digest(archive), sha256(lines));
  EXPECT_TRUE(is_as_written(read_torch_pickle(archive.path())));
}

TEST(ArchiveSeal, CoversMembersThatNobodyReads) {
  const TemporaryFolder folder;
  const Path path = written(folder);
  const std::string bytes = read_file(path);
  const ZipArchive archive(path);
  EXPECT_GE(archive.entries().size(), 5u);
  for (const auto& [name, entry] : archive.entries()) {
    std::string changed = bytes;
    changed[entry.start + entry.size / 2] = static_cast<char>(changed[entry.start + entry.size / 2] ^ 1);
    write_file(folder / "changed.pt", changed);
    EXPECT_THAT([&] { read_torch_pickle(folder / "changed.pt"); },
                Fails(ErrorKind::data, AllOf(HasSubstr("changed.pt: is damaged"), HasSubstr("SHA-256"))))
        << name;
  }
}

// Bytes that mean nothing may change: fillings, dates, names that stand a second time.
TEST(ArchiveSeal, LetsNoChangedByteChangeWhatIsRead) {
  const TemporaryFolder folder;
  const std::string bytes = read_file(written(folder));
  int refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
    std::ofstream(folder / "changed.pt", std::ios::binary) << changed;  // thousands need no flush to disk
    try {
      EXPECT_TRUE(is_as_written(read_torch_pickle(folder / "changed.pt"))) << "byte " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 300) << "of " << bytes.size();
}

TEST(ArchiveSeal, IsMissingInFilesOfOthersAndOfOlderVersions) {
  const TemporaryFolder folder;
  write_file(folder / "older.pt", without_seal(read_file(written(folder))));
  EXPECT_TRUE(is_as_written(read_torch_pickle(folder / "older.pt")));
  EXPECT_EQ(stated_digest(ZipArchive(folder / "older.pt")), std::nullopt);
  EXPECT_EQ(stated_digest(ZipArchive(testing::test_data("generated/checkpoint_ep2.pth"))), std::nullopt);
}

TEST(ArchiveSeal, OfAnotherKindIsDamage) {
  const TemporaryFolder folder;
  std::string bytes = read_file(written(folder));
  bytes[bytes.rfind(kMark)] = 'R';
  write_file(folder / "changed.pt", bytes);
  EXPECT_THAT([&] { read_torch_pickle(folder / "changed.pt"); }, Fails(ErrorKind::data, HasSubstr("digest")));
}

}  // namespace
}  // namespace res2clip
