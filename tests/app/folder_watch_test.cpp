#include "folder_watch.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include "res2clip/core/error.hpp"

#include "support/fails.hpp"
#include "support/temporary_folder.hpp"

namespace res2clip::app {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

void write(const Path& file, const std::string& text, std::ios::openmode mode = std::ios::trunc) {
  std::ofstream(file, std::ios::binary | mode) << text;
}

/// With changes that the system tells of, and by listing alone, as on network shares.
class FolderWatchTest : public ::testing::TestWithParam<bool> {
 protected:
  FolderWatch watch(bool recursive = false) {
    return FolderWatch(folder_.path(), {.recursive = recursive,
                                        .ask_system = GetParam(),
                                        .poll = milliseconds(20),
                                        .settle = milliseconds(1000)});
  }
  /// The names of what comes within a time; the first images that come end it.
  static std::vector<std::string> names(FolderWatch& watch, milliseconds within) {
    const auto end = std::chrono::steady_clock::now() + within;
    std::vector<std::string> names;
    for (const Path& image : watch.next([&] { return std::chrono::steady_clock::now() > end; }, {}))
      names.push_back(image.filename().string());
    return names;
  }

  static constexpr milliseconds kSoon{5000}, kNotYet{250};
  TemporaryFolder folder_;
};

TEST_P(FolderWatchTest, GivesWhatWasThereAndWhatComesOnceEach) {
  write(folder_ / "old.png", "1");
  std::filesystem::last_write_time(folder_ / "old.png",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  FolderWatch watched = watch();
  EXPECT_THAT(names(watched, kSoon), ElementsAre("old.png"));
  EXPECT_THAT(names(watched, kNotYet), IsEmpty());
  write(folder_ / "new.jpg", "2");
  write(folder_ / "notes.txt", "no image");
  EXPECT_THAT(names(watched, kSoon), ElementsAre("new.jpg"));
  EXPECT_THAT(names(watched, 2 * kNotYet), IsEmpty());
}

TEST_P(FolderWatchTest, WaitsForAFileThatIsStillWritten) {
  FolderWatch watched = watch();
  EXPECT_THAT(names(watched, milliseconds(50)), IsEmpty());
  std::ofstream file(folder_ / "slow.png", std::ios::binary);
  for (int piece = 0; piece < 4; ++piece) {
    file << "piece" << std::flush;
    EXPECT_THAT(names(watched, kNotYet), IsEmpty()) << piece;
  }
  file.close();
  EXPECT_THAT(names(watched, kSoon), ElementsAre("slow.png"));
}

TEST_P(FolderWatchTest, AFileThatIsRenamedIntoTheFolderIsWhole) {
  const TemporaryFolder elsewhere;
  FolderWatch watched = watch();
  EXPECT_THAT(names(watched, milliseconds(50)), IsEmpty());
  write(elsewhere / "a.part", "1");
  std::filesystem::rename(elsewhere / "a.part", folder_ / "a.png");
  EXPECT_THAT(names(watched, kSoon), ElementsAre("a.png"));
}

TEST_P(FolderWatchTest, ATimeThatIsSetAfterClosingDoesNotMakeItTwoImages) {
  FolderWatch watched = watch();
  EXPECT_THAT(names(watched, milliseconds(50)), IsEmpty());
  write(folder_ / "a.png", "1");
  std::this_thread::sleep_for(milliseconds(30));
  std::filesystem::last_write_time(folder_ / "a.png",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_THAT(names(watched, kSoon), ElementsAre("a.png"));
  EXPECT_THAT(names(watched, 3 * kNotYet), IsEmpty());
}

TEST_P(FolderWatchTest, AFileThatChangesLaterIsANewImage) {
  write(folder_ / "frame.png", "1");
  FolderWatch watched = watch();
  EXPECT_THAT(names(watched, kSoon), ElementsAre("frame.png"));
  write(folder_ / "frame.png", "second");
  EXPECT_THAT(names(watched, kSoon), ElementsAre("frame.png"));
}

TEST_P(FolderWatchTest, TakesFoldersThatAreMadeLaterIfAsked) {
  FolderWatch flat = watch(), deep = watch(/*recursive=*/true);
  EXPECT_THAT(names(deep, milliseconds(50)), IsEmpty());
  std::filesystem::create_directories(folder_ / "shift/one");
  write(folder_ / "shift/one/a.png", "1");
  EXPECT_THAT(names(deep, kSoon), ElementsAre("a.png"));
  EXPECT_THAT(names(flat, kNotYet), IsEmpty());
}

TEST_P(FolderWatchTest, GivesTheOldestFirst) {
  const auto now = std::filesystem::file_time_type::clock::now();
  for (const auto& [name, hours] : {std::pair("b.png", 3), std::pair("a.png", 1), std::pair("c.png", 2)}) {
    write(folder_ / name, "1");
    std::filesystem::last_write_time(folder_ / name, now - std::chrono::hours(hours));
  }
  FolderWatch watched = watch();
  EXPECT_THAT(names(watched, kSoon), ElementsAre("b.png", "c.png", "a.png"));
}

TEST_P(FolderWatchTest, AFolderThatIsAwayForAWhileGivesNothingTwice) {
  const TemporaryFolder elsewhere;
  std::filesystem::create_directory(folder_ / "share");
  write(folder_ / "share/a.png", "1");
  FolderWatch watched(folder_ / "share",
                      {.ask_system = GetParam(), .poll = milliseconds(20), .settle = milliseconds(100)});
  EXPECT_THAT(names(watched, kSoon), ElementsAre("a.png"));
  std::filesystem::rename(folder_ / "share", elsewhere / "share");
  int told = 0;
  const auto end = std::chrono::steady_clock::now() + milliseconds(200);
  watched.next([&] { return std::chrono::steady_clock::now() > end; },
               [&](const char* what) {
                 ++told;
                 EXPECT_THAT(what, HasSubstr("is not there any more"));
               });
  EXPECT_EQ(told, 1);
  write(elsewhere / "share/b.png", "2");
  std::filesystem::rename(elsewhere / "share", folder_ / "share");
  EXPECT_THAT(names(watched, kSoon), ElementsAre("b.png"));
}

TEST_P(FolderWatchTest, RefusesWhatIsNotAFolder) {
  EXPECT_THAT([&] { FolderWatch(folder_ / "none", {.ask_system = GetParam()}); },
              Fails(ErrorKind::data, HasSubstr("is not a folder that can be watched")));
}

std::string told_or_listed(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "Told" : "Listed";
}
INSTANTIATE_TEST_SUITE_P(Ways, FolderWatchTest, ::testing::Bool(), told_or_listed);

}  // namespace
}  // namespace res2clip::app
