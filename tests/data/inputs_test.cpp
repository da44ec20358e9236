#include "res2clip/data/inputs.hpp"

#include <gmock/gmock.h>
#include <sstream>

#include "data/tree.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::make_files;
using testing::message_of;
using testing::TemporaryFolder;

Inputs find(const std::vector<std::string>& arguments, const std::string& lines = {},
            bool recursive = false) {
  std::istringstream stream(lines);
  return find_inputs(arguments, stream, recursive);
}

std::vector<Path> expand(const std::vector<std::string>& arguments, const std::string& lines = {}) {
  return find(arguments, lines).images;
}

TEST(FindInputs, TakesFilesFoldersAndPatternsInOrder) {
  const TemporaryFolder folder;
  make_files(folder.path(),
             {"z.png", "in/b.jpg", "in/a.png", "in/notes.txt", "in/below/c.png", "p/2.png", "p/1.png"});
  EXPECT_THAT(expand({folder / "z.png", folder / "in", folder / "p/*.png"}),
              ElementsAre(folder / "z.png", folder / "in/a.png", folder / "in/b.jpg", folder / "p/1.png",
                          folder / "p/2.png"));
}

TEST(FindInputs, TakesTheImagesOfFoldersThatMatchAPattern) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"t/good/1.png", "t/cut/2.png", "t/cut/a.txt", "t/empty/a.txt", "t/0.png"});
  EXPECT_THAT(expand({folder / "t/*"}),
              ElementsAre(folder / "t/0.png", folder / "t/cut/2.png", folder / "t/good/1.png"));
  EXPECT_THAT(message_of([&] { expand({folder.path()}); }),
              HasSubstr("3 images in folders below; --recursive takes"));
}

TEST(FindInputs, ReadsPathsFromTheStream) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a b.png", "c.png"});
  const std::string lines = (folder / "a b.png").string() + "\r\n\n" + (folder / "c.png").string();
  EXPECT_THAT(expand({"-"}, lines), ElementsAre(folder / "a b.png", folder / "c.png"));
}

TEST(FindInputs, CountsAFileThatIsNamedAgainOnce) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/a.png", "in/b.png"});
  EXPECT_THAT(expand({folder / "in/b.png", folder / "in", folder / "in/../in/a.png"}),
              ElementsAre(folder / "in/b.png", folder / "in/a.png"));
}

TEST(FindInputs, TakesFoldersAndPatternsFromTheStream) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/a.png", "p/1.png"});
  const std::string lines = (folder / "in").string() + "\n" + (folder / "p/*.png").string() + "\n";
  EXPECT_THAT(expand({"-"}, lines), ElementsAre(folder / "in/a.png", folder / "p/1.png"));
}

TEST(FindInputs, TakesAnExistingFileWhoseNameLooksLikeAPattern) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x[1].png", "x1.png"});
  EXPECT_THAT(expand({folder / "x[1].png"}), ElementsAre(folder / "x[1].png"));
}

TEST(FindInputs, NamesWhatStandsForNothing) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"texts/a.txt"});
  EXPECT_THAT(message_of([&] { expand({folder / "absent.png"}); }), HasSubstr("absent.png"));
  EXPECT_THAT(message_of([&] { expand({folder / "*.png"}); }), HasSubstr("*.png"));
  EXPECT_THAT(message_of([&] { expand({folder / "texts"}); }), HasSubstr("no images"));
  EXPECT_THAT(message_of([&] { expand({"-"}, "gone.png\n"); }), HasSubstr("gone.png"));
  EXPECT_THAT(message_of([&] { expand({"-"}, ""); }), HasSubstr("no images"));
}

TEST(FindInputs, TakesFoldersBelowIfAsked) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/b.png", "in/below/a.png", "in/below/deeper/c.png"});
  std::filesystem::create_directory_symlink("..", folder / "in/below/loop");
  EXPECT_THAT(find({folder / "in"}, {}, true).images,
              ElementsAre(folder / "in/b.png", folder / "in/below/a.png", folder / "in/below/deeper/c.png"));
}

TEST(FindInputs, TakesAnyNumberOfFoldersForTwoStars) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/b.png", "in/x[1]/a.png", "in/x[1]/deeper/c.png", "in/x[1]/deeper/c.jpg"});
  EXPECT_THAT(expand({folder / "in/**/*.png"}),
              ElementsAre(folder / "in/b.png", folder / "in/x[1]/a.png", folder / "in/x[1]/deeper/c.png"));
  EXPECT_EQ(find({folder / "in/**"}).images.size(), 4U);
  EXPECT_EQ(find({folder / "in/**/deeper"}).images.size(), 2U);
  EXPECT_FALSE(find({folder / "in/**"}).left_out.any());
  EXPECT_THAT(message_of([&] { expand({folder / "in/a**b/c"}); }), HasSubstr("** stands for folders"));
}

TEST(FindInputs, CountsWhatItPassesOver) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/a.png", "in/d.txt", "in/e.TXT", "in/noext", "in/i.png.bak", "in/Thumbs.db",
                             "in/._a.png", "in/below/a.png", "in/below/b.png"});
  EXPECT_EQ(find({folder / "in"}).left_out.text(),
            "4 other files (no suffix 1, suffix .bak 1, suffix .txt 2), 2 images in folders below");
  EXPECT_EQ(find({folder / "in", folder / "in/below"}).left_out.text(),
            "4 other files (no suffix 1, suffix .bak 1, suffix .txt 2)");
  make_files(folder.path(), {"other/d.xyz", "other/e.xyz"});
  const std::string message = message_of([&] { expand({folder / "other"}); });
  EXPECT_THAT(message, HasSubstr("2 other files (suffix .xyz 2); images have the suffixes .png .jpg"));
}

TEST(FindInputs, KeepsLinksThatLeadToNothingSoThatTheyAreMissed) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/a.png"});
  std::filesystem::create_symlink("/nowhere/b.png", folder / "in/b.png");
  EXPECT_EQ(expand({folder / "in"}).size(), 2U);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  InputLines lines(stream);
  std::vector<std::string> result;
  for (std::string line; lines.next(line);) result.push_back(line);
  return result;
}

TEST(InputLines, AreReadAsProgramsWriteThem) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"new/n 0.png", "new/n 1.png", "new/quoted\".png"});
  const std::string zero = (folder / "new/n 0.png").string(), one = (folder / "new/n 1.png").string();
  std::string backslashes = zero;
  std::replace(backslashes.begin(), backslashes.end(), '/', '\\');
  for (const std::string& text : {zero + "\n" + one, zero + "\r\n\r\n" + one + "\r\n",
                                  "\xef\xbb\xbf" + zero + "\n" + one, "\"" + zero + "\"\n'" + one + "'\n",
                                  zero + "  \n\t" + one + " \r\n", backslashes + "\n \"" + one + "\" "})
    EXPECT_THAT(lines_of(text), ElementsAre(zero, one)) << text;
  const std::string quoted = (folder / "new/quoted\".png").string();
  EXPECT_THAT(lines_of(quoted), ElementsAre(quoted));
  EXPECT_THAT(lines_of("\"gone.png\"\n"), ElementsAre("\"gone.png\""));
}

TEST(InputLines, InUtf16AreNamed) {
  using namespace std::string_literals;
  for (const std::string& text : {"\xff\xfe" "a\0\n\0"s, "\xfe\xff\0a\0\n"s, "a\0\n\0"s})
    EXPECT_THAT(message_of([&] { lines_of(text); }), HasSubstr("UTF-16"));
}

}  // namespace
}  // namespace res2clip
