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

std::vector<Path> expand(const std::vector<std::string>& arguments, const std::string& lines = {}) {
  std::istringstream stream(lines);
  return expand_inputs(arguments, stream);
}

TEST(ExpandInputs, TakesFilesFoldersAndPatternsInOrder) {
  const TemporaryFolder folder;
  make_files(folder.path(),
             {"z.png", "in/b.jpg", "in/a.png", "in/notes.txt", "in/below/c.png", "p/2.png", "p/1.png"});
  EXPECT_THAT(expand({folder / "z.png", folder / "in", folder / "p/*.png"}),
              ElementsAre(folder / "z.png", folder / "in/a.png", folder / "in/b.jpg", folder / "p/1.png",
                          folder / "p/2.png"));
}

TEST(ExpandInputs, TakesTheImagesOfFoldersThatMatchAPattern) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"t/good/1.png", "t/cut/2.png", "t/cut/a.txt", "t/empty/a.txt", "t/0.png"});
  EXPECT_THAT(expand({folder / "t/*"}),
              ElementsAre(folder / "t/0.png", folder / "t/cut/2.png", folder / "t/good/1.png"));
  EXPECT_THAT(message_of([&] { expand({folder.path()}); }), HasSubstr("name the folders below it"));
}

TEST(ExpandInputs, ReadsPathsFromTheStream) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"a b.png", "c.png"});
  const std::string lines = (folder / "a b.png").string() + "\r\n\n" + (folder / "c.png").string();
  EXPECT_THAT(expand({"-"}, lines), ElementsAre(folder / "a b.png", folder / "c.png"));
}

TEST(ExpandInputs, CountsAFileThatIsNamedAgainOnce) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/a.png", "in/b.png"});
  EXPECT_THAT(expand({folder / "in/b.png", folder / "in", folder / "in/../in/a.png"}),
              ElementsAre(folder / "in/b.png", folder / "in/a.png"));
}

TEST(ExpandInputs, TakesFoldersAndPatternsFromTheStream) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"in/a.png", "p/1.png"});
  const std::string lines = (folder / "in").string() + "\n" + (folder / "p/*.png").string() + "\n";
  EXPECT_THAT(expand({"-"}, lines), ElementsAre(folder / "in/a.png", folder / "p/1.png"));
}

TEST(ExpandInputs, TakesAnExistingFileWhoseNameLooksLikeAPattern) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"x[1].png", "x1.png"});
  EXPECT_THAT(expand({folder / "x[1].png"}), ElementsAre(folder / "x[1].png"));
}

TEST(ExpandInputs, NamesWhatStandsForNothing) {
  const TemporaryFolder folder;
  make_files(folder.path(), {"texts/a.txt"});
  EXPECT_THAT(message_of([&] { expand({folder / "absent.png"}); }), HasSubstr("absent.png"));
  EXPECT_THAT(message_of([&] { expand({folder / "*.png"}); }), HasSubstr("*.png"));
  EXPECT_THAT(message_of([&] { expand({folder / "texts"}); }), HasSubstr("no images"));
  EXPECT_THAT(message_of([&] { expand({"-"}, "gone.png\n"); }), HasSubstr("gone.png"));
  EXPECT_THAT(message_of([&] { expand({"-"}, ""); }), HasSubstr("no images"));
}

}  // namespace
}  // namespace res2clip
