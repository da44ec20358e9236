#include "res2clip/core/files.hpp"

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "res2clip/core/atomic_file.hpp"

#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using testing::Fails;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::size_t entries(const Path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(WriteFile, MakesTheFoldersAboveAndReplacesTheOldContent) {
  const TemporaryFolder folder;
  write_file(folder / "a/b/c.txt", "first");
  write_file(folder / "a/b/c.txt", "second");
  EXPECT_EQ(read_file(folder / "a/b/c.txt"), "second");
  EXPECT_EQ(entries(folder / "a/b"), 1u);
}

TEST(AtomicFile, LeavesNothingBehindWithoutCommit) {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "x.bin");
    std::ofstream(file.temporary()) << "half";
  }
  EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(WriteFile, RefusesAPathBelowAFile) {
  const TemporaryFolder folder;
  write_file(folder / "file", "x");
  EXPECT_THAT([&] { write_file(folder / "file/below.txt", "y"); },
              Fails(ErrorKind::runtime, HasSubstr("the folder cannot be made")));
}

TEST(WriteFile, ReplacesTheFileBehindALinkAndKeepsTheLink) {
  const TemporaryFolder folder;
  write_file(folder / "real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "real"), "new");
}

TEST(WriteFile, DoesNotReplaceAPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT([&] { write_file(folder / "pipe", "x"); }, Fails(ErrorKind::runtime, HasSubstr("pipe")));
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
}

TEST(AtomicFile, WritesToNoFileThatLiesThereAlready) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "x.bin"), second(folder / "x.bin");
  EXPECT_NE(first.temporary(), second.temporary());
  // Nobody can lay a link there before: the letters are random.
  EXPECT_EQ(writer_of_temporary(first.temporary().filename().string()), ::getpid());
  first.write("one");
  second.write("two");
  first.commit();
  second.commit();
  EXPECT_EQ(read_file(folder / "x.bin"), "two");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, TakesNamesAsLongAsTheFileSystemDoes) {
  const TemporaryFolder folder;
  const std::string longest(255, 'n');
  write_file(folder / longest, "x");
  EXPECT_EQ(read_file(folder / longest), "x");
}

TEST(WriterOfTemporary, IsNobodyForOtherNames) {
  EXPECT_EQ(writer_of_temporary("state.pt.4711-3.part"), 4711);  // as older versions called them
  EXPECT_EQ(writer_of_temporary("state.pt.4711-abcdefgh.part"), 4711);
  for (const char* name : {"state.pt", ".part", "a.part", "a.x-1.part", "a.12-.part", "a.12-3", "a.0-3.part",
                           "a.99999999999-3.part", "a.12-3/4.part"})
    EXPECT_EQ(writer_of_temporary(name), -1) << name;
}

TEST(ReadFile, EndsWhereADeviceDoesNot) {
  EXPECT_THAT([] { read_file("/dev/zero"); },
              Fails(ErrorKind::data, HasSubstr("/dev/zero: holds more than")));
  EXPECT_EQ(read_file("/dev/null"), "");
  EXPECT_GT(read_file("/proc/self/status").size(), 100u);  // which says that it is empty
}

TEST(ReadFile, TakesNoMoreThanItIsAllowedTo) {
  const TemporaryFolder folder;
  write_file(folder / "big", std::string((3 << 20) + 1, 'x'));
  EXPECT_EQ(read_file(folder / "big").size(), (3u << 20) + 1);
  EXPECT_THAT([&] { read_file(folder / "big", 3 << 20); },
              Fails(ErrorKind::data, HasSubstr("more than 3 MiB")));
}

TEST(RemoveUnfinishedFiles, LeavesFinishedOnesAlone) {
  const TemporaryFolder folder;
  write_file(folder / "done", "x");
  AtomicFile file(folder / "half");
  std::ofstream(file.temporary()) << "half";
  EXPECT_EQ(entries(folder.path()), 2u);
  remove_unfinished_files();
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_EQ(read_file(folder / "done"), "x");
}

TEST(ReadFile, NamesThePathThatIsNotThere) {
  EXPECT_THAT([] { read_file("no/such/file.bin"); }, Fails(ErrorKind::data, HasSubstr("no/such/file.bin")));
}

TEST(Sha256, EqualsThePublishedTestVectors) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, OfAFileEqualsThatOfItsBytes) {
  const TemporaryFolder folder;
  const std::string bytes((1 << 20) + 17, 'q');
  write_file(folder / "big", bytes);
  EXPECT_EQ(sha256_of_file(folder / "big"), sha256(bytes));
}

}  // namespace
}  // namespace res2clip
